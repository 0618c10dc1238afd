import type { Suggestion } from '../suggestion.ts';

/** One problem, with a suggestion if the problem does not imply it. */
export type Finding = string | { readonly problem: string; readonly suggestion: Suggestion };

/** Result of one check. `warning`: it works, but the operator should know. `skipped`: it could not be made. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'fault' | 'skipped';
  /** A short phrase: what was checked. */
  readonly summary: string;
  readonly findings: readonly Finding[];
}

/** A check whose findings, if any, have one severity. */
export function check(
  name: string,
  summary: string,
  findings: readonly Finding[] = [],
  severity: 'warning' | 'fault' = 'fault',
): Check {
  return { name, status: findings.length === 0 ? 'ok' : severity, summary, findings };
}

/** A check that needs a keyring which was not given. */
export function skipped(name: string): Check {
  return { name, status: 'skipped', summary: 'needs the keyring', findings: [] };
}

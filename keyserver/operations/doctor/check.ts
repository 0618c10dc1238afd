import type { Check as CheckOf } from '../../../shared/doctor/check.ts';
import type { Suggestion } from '../suggestion.ts';

/** One problem, with a suggestion if the problem does not imply it. */
export type Finding = string | { readonly problem: string; readonly suggestion: Suggestion };

export type Check = CheckOf<Finding>;

/** A check that needs a keyring which was not given. */
export function skipped(name: string): Check {
  return { name, status: 'skipped', summary: 'needs the keyring', findings: [] };
}

/** What one check found. `warning`: works, but the operator should know. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'fault';
  /** A short phrase: what was looked at. */
  readonly summary: string;
  /** A sentence for each thing that is not in order. */
  readonly findings: readonly string[];
}

/** A check whose findings, if any, are of one severity. */
export function check(
  name: string,
  summary: string,
  findings: readonly string[] = [],
  severity: 'warning' | 'fault' = 'fault',
): Check {
  return { name, status: findings.length === 0 ? 'ok' : severity, summary, findings };
}

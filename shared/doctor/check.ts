/** Result of one check. `warning`: it works, but the operator should know. `skipped`: it could not be made. */
export interface Check<Finding = string> {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'fault' | 'skipped';
  readonly summary: string;
  readonly findings: readonly Finding[];
}

/** A check whose findings, if any, have one severity. */
export function check<Finding = string>(
  name: string,
  summary: string,
  findings: readonly Finding[] = [],
  severity: 'warning' | 'fault' = 'fault',
): Check<Finding> {
  return { name, status: findings.length === 0 ? 'ok' : severity, summary, findings };
}

/** True unless there is a fault: warnings alone leave the exit code at 0. */
export function isSound(checks: readonly Check<unknown>[]): boolean {
  return checks.every(({ status }) => status !== 'fault');
}

/** A doctor's last line; `well` if there are neither faults nor warnings. */
export function verdict(checks: readonly Check<unknown>[], well = 'all is well'): string {
  const found = (status: string, nouns: string) => {
    const number = checks.filter((one) => one.status === status).length;
    return number === 0 ? [] : [`${number} ${number === 1 ? 'check' : 'checks'} found ${nouns}`];
  };
  const faults = found('fault', 'faults');
  const warnings = found('warning', 'warnings');
  if (faults.length + warnings.length === 0) return well;
  const parts = isSound(checks) ? ['no faults', ...warnings] : [...faults, ...warnings];
  return `${parts.join(', ')}: exit code ${isSound(checks) ? 0 : 1}`;
}

/** Result of one check. `warning`: it works, but the operator should know. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'fault';
  /** A short phrase: what was checked. */
  readonly summary: string;
  readonly findings: readonly string[];
}

export function check(
  name: string,
  summary: string,
  findings: readonly string[] = [],
  severity: 'warning' | 'fault' = 'fault',
): Check {
  return { name, status: findings.length === 0 ? 'ok' : severity, summary, findings };
}

/** The checks for a person, or for a program with `json`; the same shape as of `keyserver-admin doctor`. */
export function report(checks: readonly Check[], json: boolean): { text: string; ok: boolean } {
  const faults = checks.filter(({ status }) => status === 'fault').length;
  const ok = faults === 0;
  if (json) return { text: JSON.stringify({ ok, checks }, null, 2), ok };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const row = (name: string, status: string, what: string) =>
    `${name.padEnd(width)}  ${status.padEnd(7)}  ${what}`;
  const lines = checks.flatMap(({ name, status, summary, findings }) => [
    row(name, status, summary),
    ...findings.map((finding) => `  - ${finding}`),
  ]);
  const verdict = ok
    ? 'all is well'
    : `${faults} ${faults === 1 ? 'check' : 'checks'} found faults`;
  return { text: [row('CHECK', 'STATUS', 'WHAT'), ...lines, verdict].join('\n'), ok };
}

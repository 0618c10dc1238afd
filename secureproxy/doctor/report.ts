import { type Check, isSound, verdict } from '../../shared/doctor/check.ts';

/** The checks for a person, or for a program with `json`; the same shape as of `keyserver-admin doctor`. */
export function report(checks: readonly Check[], json: boolean): { text: string; ok: boolean } {
  const ok = isSound(checks);
  if (json) return { text: JSON.stringify({ ok, checks }, null, 2), ok };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const row = (name: string, status: string, what: string) =>
    `${name.padEnd(width)}  ${status.padEnd(7)}  ${what}`;
  const lines = checks.flatMap(({ name, status, summary, findings }) => [
    row(name, status, summary),
    ...findings.map((finding) => `  - ${finding}`),
  ]);
  return { text: [row('CHECK', 'STATUS', 'WHAT'), ...lines, verdict(checks)].join('\n'), ok };
}

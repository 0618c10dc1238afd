/** What a test file came to, in assertions. */
export interface TapResult {
  readonly passed: number;
  readonly failed: number;
  /** Names of the tests that did not run, each with its reason. */
  readonly skipped: readonly string[];
  /** What the file printed, but for what passed. */
  readonly said: readonly string[];
}

const passing = /^\s*(?:ok \d|\d+\.\.\d|# time=|# \{ total: |# Subtest: |TAP version|$)/;
const skip = /^\s*ok \d+ - (?<name>.*?) # (?:SKIP|TODO)\s*(?<reason>.*)$/;
const total = /^# \{ total: \d+(?<counts>.*) \}$/m;

/**
 * Reads what a test file printed. `endedWell` says whether its process ended with exit code 0; a file that did
 * not, though no assertion failed, or that ended before its last test, is one failure.
 */
export function readTap(text: string, endedWell: boolean): TapResult {
  const counts = total.exec(text)?.groups?.counts;
  const count = (name: string) =>
    Number(new RegExp(` ${name}: (\\d+)`).exec(counts ?? '')?.[1] ?? 0);
  const failed = count('fail');
  const isWhole = endedWell && counts !== undefined;
  const lines = text.split('\n');
  return {
    passed: count('pass'),
    failed: isWhole ? failed : Math.max(failed, 1),
    skipped: lines.flatMap((line) => {
      const { name, reason } = skip.exec(line)?.groups ?? {};
      return name === undefined ? [] : [reason ? `${name} (${reason})` : name];
    }),
    said: lines.filter((line) => !passing.test(line)),
  };
}

/** The outcome of a test file, in assertions. */
export interface TapResult {
  readonly passed: number;
  readonly failed: number;
  /** Names of the tests that did not run, each with its reason. */
  readonly skipped: readonly string[];
  /** The output of the file without its passed assertions. */
  readonly said: readonly string[];
}

/** The same of one of several files. */
export interface FileResult extends TapResult {
  readonly file: string;
  readonly seconds: number;
}

const passing = /^\s*(?:ok \d|\d+\.\.\d|# time=|# \{ total: |# Subtest: |TAP version|$)/;
const skip = /^\s*ok \d+ - (?<name>.*?) # (?:SKIP|TODO)\s*(?<reason>.*)$/;
const total = /^# \{ total: \d+(?<counts>.*) \}$/m;
const time = /^# time=(?<ms>[\d.]+)ms$/m;

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

/**
 * Reads what a process printed that ran several files (group.ts): each is a test of the outermost level, followed by
 * its time and its counts. A file that the process did not get to is a failure, and so is a bad end after the last.
 */
export function readGroup(
  files: readonly string[],
  text: string,
  endedWell: boolean,
): FileResult[] {
  const parts = new Map(text.split(/^# Subtest: /m).map((part) => [part.split('\n', 1)[0], part]));
  const results = files.map((file) => {
    const part = parts.get(file) ?? '';
    return {
      file,
      seconds: Number(time.exec(part)?.groups?.ms ?? 0) / 1000,
      ...readTap(part, true),
    };
  });
  const last = results.at(-1);
  if (last === undefined || endedWell || results.some(({ failed }) => failed > 0)) return results;
  return [...results.slice(0, -1), { ...last, failed: 1 }];
}

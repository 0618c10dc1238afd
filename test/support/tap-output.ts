/** What a run of tap came to, in assertions; a test file that crashed or timed out is one failure. */
export interface TapCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const fileResult = /^(?<verdict>ok|not ok) \d+ - (?<file>.+?) # time=(?<time>\S+)/;
const passing = /^\s*(?:ok \d|\d+\.\.\d|# time=|TAP version|$)/;
const counts = /^# \{ total: /;

/**
 * Reads tap's raw output as it comes and prints what a person needs: one line for each test file,
 * and for a file that failed everything it said, but for what passed.
 */
export async function readTap(
  lines: AsyncIterable<string>,
  print: (line: string) => void,
): Promise<TapCounts> {
  let block: string[] = [];
  let summary = '';
  for await (const line of lines) {
    const result = fileResult.exec(line)?.groups;
    if (result) {
      print(`${result.verdict === 'ok' ? 'ok  ' : 'FAIL'} ${result.file} (${result.time})`);
      if (result.verdict !== 'ok') for (const said of block) print(`  ${said}`);
      block = [];
    } else if (counts.test(line)) {
      summary = line;
    } else if (!passing.test(line)) {
      block.push(line);
    }
  }
  const count = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(summary)?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') };
}

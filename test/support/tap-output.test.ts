import { Readable } from 'node:stream';
import t from 'tap';
import { readTap } from './tap-output.ts';

const output = `TAP version 14
# Subtest: test/a.test.ts
    ok 1 - passes
    1..1
    # time=1ms
ok 1 - test/a.test.ts # time=1ms

# Subtest: test/b.test.ts
    # Subtest: refuses a thing
        ok 1 - first
        not ok 2 - second
          ---
          diff: |
            -1
            +2
          ...
        1..2
    not ok 1 - refuses a thing # time=2ms
    1..1
not ok 2 - test/b.test.ts # time=12.5ms
1..2
# { total: 4, pass: 2, fail: 1, skip: 1 }
# time=20ms
`;

t.test('prints a line for each file, and of a file that failed what did not pass', async (t) => {
  const printed: string[] = [];
  const counts = await readTap(Readable.from(output.split('\n')), (line) => printed.push(line));
  t.strictSame(counts, { passed: 2, failed: 1, skipped: 1 });
  t.equal(printed[0], 'ok   test/a.test.ts (1ms)');
  t.equal(printed[1], 'FAIL test/b.test.ts (12.5ms)');
  t.match(printed.join('\n'), /not ok 2 - second.*-1.*\+2/s);
  t.notMatch(printed.join('\n'), / ok 1 - first|passes|1\.\.2/);
});

t.test('counts nothing where tap said nothing', async (t) => {
  const counts = await readTap(Readable.from(['']), () => {});
  t.strictSame(counts, { passed: 0, failed: 0, skipped: 0 });
});

import t from 'tap';
import { readTap } from './tap-output.ts';

const output = `TAP version 14
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
ok 2 - behind a balancer # SKIP there is no nginx
# Subtest: passes
    ok 1 - within # SKIP
    ok 2 - some day # TODO
    1..2
ok 3 - passes # time=1ms

1..3
# { total: 6, pass: 3, fail: 1, todo: 1, skip: 2 }
# time=20ms
`;

t.test('counts assertions, names what was skipped, and keeps what did not pass', async (t) => {
  const { said, ...counts } = readTap(output, false);
  t.strictSame(counts, {
    passed: 3,
    failed: 1,
    skipped: ['behind a balancer (there is no nginx)', 'within', 'some day'],
  });
  const text = said.join('\n');
  t.match(text, /not ok 2 - second.*-1.*\+2.*not ok 1 - refuses a thing/s);
  t.notMatch(text, / ok 1 - first|passes|1\.\.2|total:/);
});

t.test('a file that crashed, or ended before its last test, is a failure', async (t) => {
  const passes = 'TAP version 14\nok 1 - a\n1..1\n# { total: 1, pass: 1 }\n';
  const whole = { passed: 1, failed: 0, skipped: [], said: [] };
  t.strictSame(readTap(passes, true), whole);
  t.strictSame(readTap(passes, false), { ...whole, failed: 1 }, 'ended with an exit code');
  t.match(readTap('TAP version 14\nok 1 - a\n', true), { failed: 1 }, 'ended early');
  t.match(readTap('', true), { passed: 0, failed: 1 }, 'printed nothing');
});

import { readdirSync } from 'node:fs';
import t from 'tap';
import type { LoadTestReport } from '../../bench/measure/overload.ts';
import { runLocal } from '../local/command.ts';
import { checkLoadTest } from './checks.ts';

// Each starts all that the benchmark has, on a machine that is busy.
t.setTimeout(180_000);

for (const test of ['overload', 'soak'] as const) {
  t.test(`a short ${test} tells how the service fared`, async (t) => {
    const TMPDIR = t.testdir({});
    const bench = runLocal('bench', ['--json', `--${test}`, '1'], { TMPDIR });
    t.equal(await bench.ended, 0, bench.stderr());
    const report = JSON.parse(bench.stdout()) as LoadTestReport;
    checkLoadTest(t, test, report);
    t.same(readdirSync(TMPDIR), []);
  });
}

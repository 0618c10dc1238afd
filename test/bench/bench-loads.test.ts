import { readdirSync } from 'node:fs';
import t from 'tap';
import type { LoadTestReport } from '../../bench/measure/overload.ts';
import { loadTestToMarkdown } from '../../bench/report/report.ts';
import { runLocal } from '../local/command.ts';

// Each starts all that the benchmark has, on a machine that is busy.
t.setTimeout(180_000);

for (const test of ['overload', 'soak'] as const) {
  t.test(`a short ${test} tells how the service fared`, async (t) => {
    const TMPDIR = t.testdir({});
    const bench = runLocal('bench', ['--json', `--${test}`, '0.6'], { TMPDIR });
    t.equal(await bench.ended, 0, bench.stderr());
    const report = JSON.parse(bench.stdout()) as LoadTestReport;
    const { stretches } = report;
    t.equal(stretches.length, test === 'overload' ? 6 : 9);
    for (const { what, goodput, residentMib, openFiles } of stretches) {
      t.ok(goodput > 0 && residentMib > 0 && openFiles > 0, what);
    }
    t.match(
      loadTestToMarkdown(report),
      test === 'overload' ? 'Of three times the top, ' : 'RSS grew by ',
    );
    t.same(readdirSync(TMPDIR), []);
  });
}

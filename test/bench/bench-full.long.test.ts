import t from 'tap';
import { caseNames, isFullCase } from '../../bench/cases/all.ts';
import { benchOnce } from './bench-once.ts';
import { checkResults } from './checks.ts';

// A million rows, 100 MB, and more, on a machine that is busy.
t.setTimeout(240_000);

t.test('the long cases are measured when asked for', async (t) => {
  const names = [...caseNames.filter(isFullCase), 'memory'];
  const report = await benchOnce(t, '--mib', '64', '--only', names.join(','));
  t.same(
    report.results.map(({ name }) => name),
    caseNames.filter(isFullCase),
  );
  checkResults(t, report);
  t.same(
    report.figures.map(({ name }) => name),
    ['memory-down', 'memory-up'],
  );
  t.equal(report.targets.length, 3);
});

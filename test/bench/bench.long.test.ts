import t from 'tap';
import { caseNames, isFullCase } from '../../bench/cases/all.ts';
import { benchOnce } from './bench-once.ts';
import { checkResults } from './checks.ts';

// Some twenty cases, with what they need, on a machine that is busy.
t.setTimeout(240_000);

t.test('a short run measures every case without an error, and leaves nothing behind', async (t) => {
  const report = await benchOnce(t);
  const { results, leftOut, figures, targets, setting } = report;
  t.match(setting, { node: process.versions.node, seconds: 0.3, rounds: 1 });
  t.same(
    caseNames.filter((name) => !isFullCase(name) && !leftOut.includes(name)),
    results.map(({ name }) => name),
  );
  const optional = ['nginx', 'haproxy', 'keyserver-memory', 'keyserver-mysql'];
  t.same(
    leftOut.filter((name) => !optional.includes(name)),
    [],
    'what every machine has is measured',
  );
  checkResults(t, report);
  for (const { name, value, spread } of figures) {
    t.ok(value > 0 && spread[0] <= value && value <= spread[1], name);
  }
  const judgedAnywhere = 9;
  const lacking = leftOut.filter((name) => name !== 'haproxy').length;
  t.equal(targets.length, judgedAnywhere + optional.length - 1 - lacking);
});

import { readdirSync } from 'node:fs';
import t from 'tap';
import { bench } from '../../bench/bench.ts';
import { caseNames, isFullCase } from '../../bench/cases/all.ts';
import { findCores } from '../../bench/machine/cores.ts';
import { Parts } from '../../bench/machine/parts.ts';
import { readBenchOptions } from '../../bench/options.ts';
import { arrange } from '../../bench/pair/arrangement.ts';
import { freePort } from '../support/free-port.ts';
import { checkResults } from './checks.ts';

/** A judged case with its peer, and a cold one; the others run in bench.long.test.ts. */
const cases = ['peer', 'warm', 'cold'];
const brief = ['--seconds', '0.1', '--rounds', '1', '--only'];
const quiet = () => undefined;

t.test('each load runs for a moment', async (t) => {
  const parts = new Parts(findCores());
  t.teardown(() => parts.close());
  t.same(findCores(), parts.cores, 'the next start has the same cores');
  const arrangement = await arrange(parts);
  await t.test('and has its columns', async (t) => {
    const options = readBenchOptions([...brief, cases.join(',')]);
    const report = await bench(arrangement, options, quiet);
    t.same(report.results.map(({ name }) => name).sort(), [...cases].sort());
    checkResults(t, report);
    t.equal(report.targets.length, 1, 'a warm call is judged');
  });
  await t.test('and its failures are counted', async (t) => {
    const options = readBenchOptions([...brief, 'warm']);
    const unknown = { ...arrangement, appKey: 'unknown' };
    const { results } = await bench(unknown, options, quiet);
    t.ok(results[0]?.requests);
    t.equal(results[0]?.errors, results[0]?.requests);
  });
});

t.test('what is starting is ended with all else, and nothing starts from then on', async (t) => {
  const parts = new Parts(undefined);
  const port = await freePort();
  const server = `require('http').createServer((_, answer) => answer.end()).listen(${port}, '127.0.0.1')`;
  const starting = parts.program('server', port, [process.execPath, '-e', server]);
  const closed = parts.close();
  const { pid, stop } = await starting;
  t.teardown(stop);
  await closed;
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  const message = 'the benchmark has ended';
  await t.rejects(parts.helper('upstream', 'bench/pair/upstream.ts', {}), { message });
  const place = t.testdir({});
  t.throws(() => parts.folder(place), { message });
  t.same(readdirSync(place), []);
});

t.test('--full adds the long ones, --only is exact', async (t) => {
  const { cases: usual, figures } = readBenchOptions([]);
  t.same(usual.filter(isFullCase), []);
  t.notOk(figures.includes('memory'));
  const full = readBenchOptions(['--full']);
  t.same(full.cases, caseNames);
  t.ok(full.figures.includes('memory'));
  const only = readBenchOptions(['--only', 'warm,start']);
  t.same([only.cases, only.figures], [['warm'], ['start']]);
});

t.test('wrong options are explained', async (t) => {
  const wrong = [
    ['--minutes', '1'],
    ['--seconds', 'x'],
    ['--rounds', '0'],
    ['--starts', '0'],
    ['--only', 'warm,hot'],
  ];
  for (const args of wrong) {
    t.throws(() => readBenchOptions(args), {
      name: 'LocalError',
      message: new RegExp(`${args[0]}`),
    });
  }
});

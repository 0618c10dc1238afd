import t from 'tap';
import { showProgress } from '../../../keyserver/admin/bulk/progress.ts';
import { testClock } from '../../support/clock.ts';

async function show(stderrColumns?: number) {
  const clock = testClock();
  const written: string[] = [];
  const display = await showProgress({
    ...{ environment: {}, folder: '/', stdin: (async function* () {})(), stdinIsTerminal: false },
    ...{ writeStdout: () => {}, writeStderr: (text) => void written.push(text), clock },
    stderrColumns,
  });
  return { ...display, clock, written };
}

t.test('tells programs in a line of JSON, the first after five seconds', async (t) => {
  const { progress, end, clock, written } = await show();
  progress('judged', 10);
  clock.advance(4_999);
  progress('judged', 20);
  t.same(written, []);
  clock.advance(1);
  progress('stored', 30, 100);
  progress('stored', 40, 100);
  clock.advance(4_999);
  progress('stored', 50, 100);
  clock.advance(1);
  progress('judged', 60);
  end();
  t.same(
    written.map((line) => JSON.parse(line)),
    [
      { progress: 'stored', done: 30, total: 100, seconds: 5 },
      { progress: 'judged', done: 60, seconds: 10 },
    ],
  );
  t.ok(written.every((line) => line.endsWith('}\n')));
});

t.test('draws a bar on a terminal, one for each step', async (t) => {
  const { progress, end, written } = await show(100);
  progress('judged', 1);
  progress('judged', 2000);
  progress('stored', 500, 2000);
  progress('stored', 2000, 2000);
  end();
  const text = written.join('');
  t.match(text, 'judged 2000 rows');
  t.match(text, /stored \[#{10}\.{30}\] 500\/2000/);
  t.match(text, /stored \[#{40}\] 2000\/2000, .*\n$/s);
});

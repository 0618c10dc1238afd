import t from 'tap';
import { showProgress } from '../../../keyserver/admin/bulk/progress.ts';
import { testClock } from '../../support/clock.ts';

async function show(stderrColumns?: number, onWrite = () => {}) {
  const clock = testClock();
  const written: string[] = [];
  const display = await showProgress({
    ...{ environment: {}, folder: '/', stdin: (async function* () {})(), stdinIsTerminal: false },
    ...{ writeStdout: () => {}, clock },
    writeStderr: (text) => {
      onWrite();
      written.push(text);
    },
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

t.test('lets the work go on when nobody reads stderr any more', async (t) => {
  const closed = () => {
    throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
  };
  for (const columns of [undefined, 100]) {
    const { progress, end, clock, written } = await show(columns, closed);
    clock.advance(5_000);
    progress('restored', 10, 20);
    end();
    t.same(written, []);
  }
  const { progress } = await show(100, () => {
    throw new TypeError('of the tool itself');
  });
  t.throws(() => progress('restored', 10, 20), TypeError);
});

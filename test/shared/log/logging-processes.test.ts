import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';

const logging = join(import.meta.dirname, '../../../shared/log/logging.ts');
const writers = 3;
const linesEach = 4000;

/** The shell's pipe, unlike Node's sockets, takes a part of what is written if it is nearly full. */
const script = `
  for i in $(seq ${writers}); do "$0" "$1" & done | {
    for i in 1 2 3 4 5; do sleep 0.2; head --bytes=100000; done
    cat
  }`;

t.test('no process tears another’s lines, however slowly they are read', async (t) => {
  const folder = t.testdir({
    'writer.ts': `
      import { createProcessLogger } from '${logging}';
      const logger = createProcessLogger('test', 'info', process.pid);
      for (let i = 0; i < ${linesEach}; i += 1) {
        logger.info({ text: 'ж'.repeat(i % 100) }, 'a line');
        if (i % 50 === 0) await new Promise((done) => setTimeout(done, 10));
      }
    `,
  });
  const { stdout } = await promisify(execFile)(
    'sh',
    ['-c', script, process.execPath, join(folder, 'writer.ts')],
    { maxBuffer: 2 ** 26 },
  );
  const lines = stdout.trimEnd().split('\n');
  t.equal(lines.length, writers * linesEach);
  const pids = new Set(lines.map((line) => JSON.parse(line)['process.pid']));
  t.equal(pids.size, writers);
});

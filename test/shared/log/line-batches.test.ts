import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';

const logging = join(import.meta.dirname, '../../../shared/log/logging.ts');
const lines = 2000;
const creations = [`createLogger('test', 'info')`, `createProcessLogger('test', 'info', 1)`];

/** Logs many lines at once, some of them longer than a batch, and exits. Both outputs are one pipe. */
async function run(t: Test, create: string, reader: string, end = '') {
  const folder = t.testdir({
    'writer.ts': `
      import { createLogger, createProcessLogger, flushLogs } from '${logging}';
      const logger = ${create};
      process.once('exit', flushLogs);
      // Node has it not block from then on, nor what is the same pipe.
      process.stderr;
      for (let i = 0; i < ${lines}; i += 1) {
        logger.info({ i, text: '店 ж 🛒'.repeat(i % 500 === 7 ? 10_000 : i % 50) }, 'a line');
      }
      ${end}
      process.exit();
    `,
  });
  // No process is left behind that does not exit.
  const script = `{ timeout --signal KILL 10 "$0" "$1"; echo $? >"$2"; } 2>&1 | { ${reader}; }`;
  const status = join(folder, 'status');
  const args = ['-c', script, process.execPath, join(folder, 'writer.ts'), status];
  const { stdout } = await promisify(execFile)('sh', args, { maxBuffer: 2 ** 26 });
  return { read: stdout, status: Number(readFileSync(status, 'utf8')) };
}

for (const create of creations) {
  t.test(
    `a process that exits leaves no line out, however late they are read: ${create}`,
    async (t) => {
      const { read, status } = await run(t, create, 'sleep 0.5; cat');
      t.same(
        read
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).i),
        Array.from({ length: lines }, (_, i) => i),
      );
      t.equal(status, 0);
    },
  );

  t.test(`a process whose reader is gone exits: ${create}`, async (t) => {
    t.equal((await run(t, create, 'true')).status, 0);
  });

  t.test(`a process whose reader is gone goes on: ${create}`, async (t) => {
    const end = 'await new Promise((done) => setTimeout(done, 100));';
    t.equal((await run(t, create, 'true', end)).status, 0);
  });
}

import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { LocalError } from '../../local/local-error.ts';
import { startService } from '../../local/processes.ts';
import { freePort } from '../support/free-port.ts';

async function failure(main: string): Promise<unknown> {
  const port = await freePort();
  const command = { title: 'It', main, port, environment: { NODE_ENV: 'production' } };
  return startService({ ...command, output: new PassThrough().resume() }).catch(
    (error: unknown) => error,
  );
}

t.test('says in one line which settings a service misses', async (t) => {
  const error = await failure('keyserver/main.ts');
  t.type(error, LocalError);
  t.match(
    error,
    /It did not start \(code 78\): settings cannot be used: .*KEYRING_DIR must be set/,
  );
  t.notMatch(String(error), '\n');
});

t.test('says in one line what a service crashed with', async (t) => {
  const folder = t.testdir({ 'main.mjs': 'throw new RangeError("too much");\n' });
  const error = await failure(join(folder, 'main.mjs'));
  t.type(error, LocalError);
  t.equal((error as Error).message, 'It did not start (code 1): RangeError: too much');
});

t.test('says that a service ended without a word', async (t) => {
  const folder = t.testdir({ 'main.mjs': 'process.kill(process.pid, "SIGKILL");\n' });
  t.match(await failure(join(folder, 'main.mjs')), {
    message: 'It did not start (signal SIGKILL)',
  });
});

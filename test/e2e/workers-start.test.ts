import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { makeState } from '../support/pair-state.ts';
import { pollUntil } from '../support/poll-until.ts';
import { runMain } from '../support/service-process.ts';
import { openToOthers } from '../support/workers.ts';

t.test('keys that cannot be used are said once, and end the start with code 78', async (t) => {
  const { settings } = await makeState(t);
  const key = openToOthers(settings);
  const main = runMain(t, 'keyserver/main.ts', { PORT: '0', ...settings, WORKERS: '2' });
  t.equal(await main.ended, 78);
  t.equal(
    main.stderr(),
    `settings cannot be used:\n  - KEYRING_DIR: ${key} can be read by others: run chmod o-rwx on it\n`,
  );
});

t.test('a port that is taken is said once, too', async (t) => {
  const { settings } = await makeState(t);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const main = runMain(t, 'keyserver/main.ts', { PORT: String(port), ...settings, WORKERS: '2' });
  t.equal(await main.ended, 78);
  t.equal(
    main.stderr(),
    `settings cannot be used:\n  - port ${port} is in use: stop the process that listens there, or set PORT\n`,
  );
});

t.test('settings that cannot be used are said before any worker is made', async (t) => {
  t.testdir({});
  const main = runMain(t, 'keyserver/main.ts', { PORT: 'x', WORKERS: '2' });
  t.equal(await main.ended, 78);
  t.match(main.stderr(), /^settings cannot be used:\n( {2}- .*\n){4}$/);
});

t.test('keys are made once, and ports of 0 are the same for all', async (t) => {
  const folder = t.testdir({});
  const main = runMain(t, 'keyserver/main.ts', {
    PORT: '0',
    OPS_PORT: '0',
    DB_FILE: join(folder, 'store.db'),
    KEYRING_DIR: join(folder, 'keyring'),
    RSA_KEY_DIR: join(folder, 'rsa'),
    GENERATE_KEYS: '1',
    WORKERS: '2',
  });
  const said = (words: string) =>
    pollUntil(
      words,
      () => main.lines().filter(({ msg }) => String(msg).startsWith(words)),
      ({ length }) => length === 2,
    );
  const addresses = [...(await said('Server listening')), ...(await said('Probes answered'))];
  t.equal(new Set(addresses.map((line) => line['process.pid'])).size, 2);
  t.equal(new Set(addresses.map(({ msg }) => msg)).size, 2);
  t.equal(readdirSync(join(folder, 'keyring')).length, 2);
  t.equal(main.lines().filter(({ msg }) => /made$/.test(String(msg))).length, 2);
});

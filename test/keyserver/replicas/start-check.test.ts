import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { Keyring } from '../../../keyserver/keys/keyring.ts';
import { type Report, sealReport } from '../../../keyserver/replicas/report.ts';
import { StartCheck } from '../../../keyserver/replicas/start-check.ts';
import { keyserverProgram } from '../../../keyserver/start.ts';
import { openDatabase } from '../../../keyserver/storage/database.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { eachStore } from '../../support/database.ts';
import { ask, newSession } from '../../support/exchange-client.ts';
import { rsaPem, writeKeyFolder, writeKeyring } from '../../support/key-folders.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { refusal } from '../scene.ts';

const masters = { a: randomBytes(32), b: randomBytes(32) };
const ring = (primary: string, kids: readonly ('a' | 'b')[]) =>
  new Keyring(primary, new Map(kids.map((kid) => [kid, masters[kid]])));

function reportOf(keyring: Keyring, members: Partial<Report> = {}): Report {
  return {
    instance: 'other',
    host: 'host',
    workers: 1,
    version: '1',
    atRest: { primary: keyring.primaryId, since: 0, keys: keyring.ids },
    rsa: { primary: 'r', since: 0, keys: ['r'] },
    history: 'h',
    seq: 0,
    stopped: false,
    ...members,
  };
}

/** The readiness that a starting process with the key `a` alone reports. */
async function start(t: Test, store: Store) {
  const { logger, lines } = capturedLog('keyserver');
  const keyring = ring('a', ['a']);
  let look = () => {};
  let pauses = 0;
  let pausing = AbortSignal.abort();
  const sleep = (_ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      pauses += 1;
      pausing = signal;
      look = resolve;
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  /** Looks once more; false if that was the last time. */
  const turn = async () => {
    const before = pauses;
    look();
    while (pauses === before && !pausing.aborted) await new Promise(setImmediate);
    return !pausing.aborted;
  };
  const check = new StartCheck({ store, keyring, log: logger, sleep });
  t.teardown(() => check.stop());
  const ready = { status: 'ready', checks: { database: 'reachable' } } as const;
  const started = check.start();
  t.match(check.over(ready), { status: 'unready', checks: { keys: 'unread' } });
  await started;
  return { keyring, lines, turn, state: () => check.over(ready) };
}

t.test('a starting KeyServer that lacks a key in use is not ready until it has it', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const both = ring('a', ['a', 'b']);
    t.equal((await start(t, store)).state().status, 'ready', 'nobody else is there');
    await store.putReplica(sealReport(both, 'r1', 1, reportOf(both)));
    t.equal((await start(t, store)).state().status, 'ready', 'nothing needs the new key yet');
    await store.putToken(
      sealSecret(ring('b', ['b']), { clientId: 'c', tokenType: 't' }, { fields: {} }),
    );
    const { keyring, state, turn, lines } = await start(t, store);
    t.match(state(), {
      status: 'unready',
      checks: { database: 'reachable', keys: 'missing' },
      detail: /lacks the at-rest key b,/,
    });
    t.match(lines(), [
      { level: 'error', kids: ['b'], hosts: ['host'], msg: 'not ready: at-rest keys missing' },
    ]);
    keyring.take(both);
    await turn();
    t.equal(state().status, 'ready');
  }),
);

const tokenOf = (keyring: Keyring, clientId = 'c') =>
  sealSecret(keyring, { clientId, tokenType: 't' }, { fields: {} });

t.test('a key that others have and rows need is in use; one that nobody has is lost', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await store.putToken(tokenOf(ring('b', ['b'])));
    t.equal((await start(t, store)).state().status, 'ready', 'one lost key holds up no start');
    const other = ring('b', ['b']);
    await store.putReplica(sealReport(other, 'r1', 1, reportOf(other)));
    t.equal((await start(t, store)).state().status, 'unready', 'its report does not open here');
    await execute('UPDATE replicas SET seen_at = seen_at - 31');
    t.equal((await start(t, store)).state().status, 'ready', 'that process is dead');
    const both = ring('a', ['a', 'b']);
    await store.putReplica(sealReport(both, 'r1', 2, reportOf(both, { stopped: true })));
    t.equal((await start(t, store)).state().status, 'ready', 'or has told that it stops');
  }),
);

t.test('a KeyServer with keys of its own holds up no others, and one of the same name does', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.putToken(tokenOf(ring('a', ['a'])));
    const foreign = new Keyring('x', new Map([['x', randomBytes(32)]]));
    await store.putReplica(sealReport(foreign, 'r1', 1, reportOf(foreign)));
    t.equal((await start(t, store)).state().status, 'ready', 'no row needs its key');
    const namesake = new Keyring('a', new Map([['a', randomBytes(32)]]));
    await store.putReplica(sealReport(namesake, 'r1', 2, reportOf(namesake)));
    t.match((await start(t, store)).state(), { status: 'unready', detail: /another of this name/ });
  }),
);

t.test('of two that start together, the one that lacks a key becomes unready, once counted', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.putToken(tokenOf(ring('b', ['b'])));
    let counts = 0;
    const counting = {
      ...store,
      kidCounts: () => {
        counts += 1;
        return store.kidCounts();
      },
    };
    const { keyring, state, turn } = await start(t, counting);
    t.equal(state().status, 'ready');
    const both = ring('a', ['a', 'b']);
    await store.putReplica(sealReport(both, 'r1', 1, reportOf(both)));
    for (let looks = 0; looks < 3; looks += 1) await turn();
    t.equal(state().status, 'unready');
    t.equal(counts, 1, 'a count reads all tokens');
    keyring.take(both);
    await turn();
    t.equal(state().status, 'ready');
    let looks = 0;
    for (; looks < 100 && (await turn()); looks += 1);
    t.equal(looks, 54, 'it looks for a minute');
  }),
);

t.test('who lacks a key answers no calls, and tells nobody of itself, until it has it', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const keyserver = await startKeyserver(t, { store });
    const proxy = await keyserver.putProxy('dc-1');
    const app = await keyserver.putApp('orders');
    await keyserver.putType('t');
    const bytes = randomBytes(32);
    const other = new Keyring('x', new Map([['x', Buffer.from(bytes)]]));
    await store.putToken(tokenOf(other));
    await store.putReplica(sealReport(other, 'r1', 1, reportOf(other)));
    const call = () =>
      ask(
        keyserver,
        {
          clientId: 'c',
          tokenType: 't',
          credential: { proxy, app, target: { method: 'GET', url: 'https://api.example/' } },
        },
        newSession(keyserver.rsaKeys.primary.publicKeyPem),
      );
    t.match(refusal(await call()), { code: 'integrity_failed' });
    let hasPassed = false;
    void keyserver.startCheck.passed.then(() => {
      hasPassed = true;
    });
    await keyserver.startCheck.start();
    const held = { status: 503, code: 'keyserver_unavailable', reason: 'keys_missing' };
    t.same(refusal(await call()), held);
    for (const path of ['/', '/whoami', '/changes']) {
      const answer = await fetch(keyserver.url + path, { method: 'POST' });
      t.match([answer.status, await answer.json()], [503, { reason: 'keys_missing' }], path);
    }
    t.equal((await fetch(`${keyserver.url}/public_key`)).status, 200);
    t.equal(hasPassed, false);
    writeFileSync(join(keyserver.settings.KEYRING_DIR ?? '', 'x.key'), bytes, { mode: 0o600 });
    for (const folder of keyserver.keyFolders) folder.poll();
    await pollUntil('it answers', call, ({ status }) => status === 200);
    t.equal(hasPassed, true);
  }),
);

t.test('a process reports itself only once it has the keys in use', async (t) => {
  const folder = t.testdir({});
  const settings = {
    PORT: '0',
    DB_FILE: join(folder, 'store.db'),
    KEYRING_DIR: writeKeyring(join(folder, 'keyring')),
    RSA_KEY_DIR: writeKeyFolder(join(folder, 'rsa'), { 'r1.pem': rsaPem() }),
  };
  const { config } = keyserverProgram.readSettings(settings);
  const store = await openDatabase(config);
  t.teardown(() => store.close());
  await store.migrate();
  const bytes = randomBytes(32);
  const other = new Keyring('x', new Map([['x', Buffer.from(bytes)]]));
  await store.putToken(tokenOf(other));
  await store.putReplica(sealReport(other, 'r1', 1, reportOf(other)));
  const { logger, lines } = capturedLog('keyserver');
  const keyserver = await keyserverProgram.start(config, logger);
  t.teardown(async () => {
    await keyserver.app.close();
    await keyserver.close();
  });
  t.match(
    lines().filter(({ level }) => level === 'error'),
    [{ msg: 'not ready: at-rest keys missing', kids: ['x'], hosts: ['unknown'] }],
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.equal((await store.replicas()).length, 1);
  writeFileSync(join(settings.KEYRING_DIR, 'x.key'), bytes, { mode: 0o600 });
  await pollUntil(
    'it reports',
    () => store.replicas(),
    ({ length }) => length === 2,
  );
});

t.test(
  'a database without the table of reports, or without the right to it, holds up no start',
  (t) =>
    eachStore(t, async (t, openStore, execute) => {
      const store = await openStore();
      await execute('DROP TABLE replicas');
      t.equal((await start(t, store)).state().status, 'ready');
      const keyring = writeKeyring(join(t.testdir({}), 'ring'));
      const { heartbeat, log } = await startKeyserver(t, {
        store,
        settings: { KEYRING_DIR: keyring },
      });
      await heartbeat.start();
      t.match(
        log().filter(({ msg }) => msg === 'report not stored'),
        [{ level: 'warn' }],
      );
    }),
);

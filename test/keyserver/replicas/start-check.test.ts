import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { Keyring } from '../../../keyserver/keys/keyring.ts';
import { type Report, sealReport } from '../../../keyserver/replicas/report.ts';
import { StartCheck } from '../../../keyserver/replicas/start-check.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { eachStore } from '../../support/database.ts';
import { writeKeyring } from '../../support/key-folders.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';

const masters = { a: randomBytes(32), b: randomBytes(32) };
const ring = (primary: string, kids: readonly ('a' | 'b')[]) =>
  new Keyring(primary, new Map(kids.map((kid) => [kid, masters[kid]])));

function reportOf(keyring: Keyring, members: Partial<Report> = {}): Report {
  return {
    instance: 'other',
    host: 'host',
    workers: 1,
    version: '1',
    atRest: { primary: keyring.primaryKid, since: 0, keys: keyring.kids },
    rsa: { primary: 'r', since: 0, keys: ['r'] },
    history: 'h',
    seq: 0,
    stopped: false,
    ...members,
  };
}

/** What a process with the key `a` alone says of its readiness when it starts. */
async function start(t: Test, store: Store) {
  const { logger, lines } = capturedLog('keyserver');
  const keyring = ring('a', ['a']);
  let look = () => {};
  const sleep = (_ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      look = resolve;
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  const check = new StartCheck({ store, keyring, log: logger, sleep });
  t.teardown(() => check.stop());
  const ready = { status: 'ready', checks: { database: 'reachable' } } as const;
  const started = check.start();
  t.match(check.over(ready), { status: 'unready', checks: { keys: 'unread' } });
  await started;
  return { keyring, lines, look: () => look(), state: () => check.over(ready) };
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
    const { keyring, state, look, lines } = await start(t, store);
    t.match(state(), {
      status: 'unready',
      checks: { database: 'reachable', keys: 'missing' },
      detail: /lacks the at-rest key b,/,
    });
    t.match(lines(), [{ level: 'error', kids: ['b'], msg: 'not ready: at-rest keys missing' }]);
    keyring.take(both);
    look();
    await new Promise((resolve) => setTimeout(resolve, 100));
    t.equal(state().status, 'ready');
  }),
);

t.test('a key that is primary elsewhere is in use; one that nobody has is lost', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await store.putToken(
      sealSecret(ring('b', ['b']), { clientId: 'c', tokenType: 't' }, { fields: {} }),
    );
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

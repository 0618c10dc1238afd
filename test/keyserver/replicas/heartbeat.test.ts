import t from 'tap';
import { LoadedRsaKeys, readRsaKeys } from '../../../keyserver/keys/rsa-keys.ts';
import { Heartbeat } from '../../../keyserver/replicas/heartbeat.ts';
import { readReport } from '../../../keyserver/replicas/report.ts';
import { StoreError } from '../../../keyserver/store/store-error.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { testClock } from '../../support/clock.ts';
import { eachStore } from '../../support/database.ts';
import { ask, newSession } from '../../support/exchange-client.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';

t.test('a process reports every three seconds, tells once that it cannot, and a last time', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const clock = testClock();
    const keyserver = await startKeyserver(t, { store, clock });
    const { logger, lines } = capturedLog('keyserver');
    const pauses: number[] = [];
    let go = () => {};
    let fault: StoreError | undefined;
    const heartbeat = new Heartbeat({
      store: {
        putKeyUses: store.putKeyUses,
        replicas: store.replicas,
        putReplica: async (row) => {
          if (fault) throw fault;
          await store.putReplica(row);
        },
      },
      keyring: keyserver.keyring,
      rsaKeys: await LoadedRsaKeys.of(readRsaKeys(keyserver.settings.RSA_KEY_DIR ?? '')),
      registry: keyserver.registry,
      keyUses: keyserver.registry.keyUses,
      clock,
      log: logger,
      instance: 'i',
      workers: 1,
      servesLegacyRows: true,
      sleep: (ms, signal) =>
        new Promise<void>((resolve, reject) => {
          pauses.push(ms);
          go = resolve;
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    });
    const turn = async () => {
      const { length } = pauses;
      go();
      await pollUntil(
        'it pauses',
        async () => pauses.length,
        (count) => count > length,
      );
    };
    const reports = async () =>
      (await store.replicas()).map((row) => ({ row, ...readReport(keyserver.keyring, row) }));
    await heartbeat.start();
    await pollUntil(
      'it pauses',
      async () => pauses.length,
      (count) => count > 0,
    );
    await turn();
    t.same(pauses, [3000, 3000]);
    t.match(await reports(), [
      {
        beat: 2,
        report: {
          instance: 'i',
          atRest: {
            primary: keyserver.keyring.idOf('k1'),
            keys: keyserver.keyring.ids,
            since: clock.now(),
          },
          rsa: { primary: keyserver.rsaKeys.primary.keyId },
          history: keyserver.registry.history,
          servesLegacyRows: true,
          now: clock.now(),
          stopped: false,
        },
      },
    ]);
    fault = new StoreError('locked', 'locked');
    await turn();
    t.same(lines(), [], 'a lock of an embedded database is short');
    t.equal(pauses.at(-1), 500);
    for (let locked = 2; locked <= 9; locked += 1) await turn();
    t.same(lines(), []);
    await turn();
    t.match(
      lines(),
      [{ level: 'warn', msg: 'report not stored' }],
      'ten in a row are no short one',
    );
    t.equal(pauses.at(-1), 3000);
    fault = undefined;
    await turn();
    fault = new StoreError('privilege_missing', 'The user may not');
    await turn();
    await turn();
    fault = undefined;
    await turn();
    t.match(lines().slice(2), [
      { level: 'warn', msg: 'report not stored', err: { message: /The user may not/ } },
      { level: 'info', msg: 'report is stored again' },
    ]);
    t.equal(lines().length, 4);
    await heartbeat.stop();
    t.match(await reports(), [{ report: { stopped: true } }]);
    t.equal((await reports()).length, 1);
  }),
);

t.test('the day of a key’s last use is written once, and again the next day', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const clock = testClock();
    let writes = 0;
    const counting = {
      ...store,
      putKeyUses: async (uses: Parameters<typeof store.putKeyUses>[0]) => {
        writes += 1;
        await store.putKeyUses(uses);
      },
    };
    const keyserver = await startKeyserver(t, { store: counting, clock });
    await keyserver.putType('plain');
    const proxy = await keyserver.putProxy('proxy-1');
    const app = await keyserver.putApp('orders');
    await keyserver.putToken('shop-1', 'plain', 'secret');
    const call = (key: string) =>
      ask(
        keyserver,
        {
          clientId: 'shop-1',
          tokenType: 'plain',
          credential: { proxy, app: key, target: { method: 'GET', url: 'https://api.example/' } },
        },
        newSession(keyserver.rsaKeys.primary.publicKeyPem),
      );
    await keyserver.heartbeat.beat();
    t.equal(writes, 0);
    t.equal((await call(app)).status, 200);
    t.equal((await call(makeCallerKey('spk_'))).status, 401);
    await keyserver.heartbeat.beat();
    await call(app);
    await keyserver.heartbeat.beat();
    t.equal(writes, 1);
    const days = async () => new Set((await store.keyUses()).map(({ day }) => day));
    const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    t.equal((await store.keyUses()).length, 2, 'of the proxy and the app');
    t.same(await days(), new Set([dayOf(clock.now())]));
    clock.advance(86_400_000);
    await call(app);
    await keyserver.heartbeat.beat();
    t.same(await days(), new Set([dayOf(clock.now())]));
  }),
);

t.test('KeyServers tell each other which processes of proxies ask them', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const first = await startKeyserver(t, { store });
    const { KEYRING_DIR = '' } = first.settings;
    const second = await startKeyserver(t, { store, settings: { KEYRING_DIR } });
    const counts = () => [first, second].map(({ registry }) => registry.proxyProcesses.count);
    for (const process of ['a', 'b']) first.registry.proxyProcesses.note(process);
    for (const process of ['b', 'c']) second.registry.proxyProcesses.note(process);
    t.same(counts(), [2, 2]);
    await first.heartbeat.beat();
    await second.heartbeat.beat();
    t.same(counts(), [2, 3]);
    await first.heartbeat.beat();
    t.same(counts(), [3, 3]);
    await second.heartbeat.stop();
    await first.heartbeat.beat();
    t.same(counts(), [2, 3], 'one that stops hears of none');
  }),
);

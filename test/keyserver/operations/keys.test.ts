import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { loadRsaKeys } from '../../../keyserver/keys/rsa-keys.ts';
import type { OperationContext } from '../../../keyserver/operations/context.ts';
import { listKeys } from '../../../keyserver/operations/keys/key-list.ts';
import { newKey, promoteKey, retireKey } from '../../../keyserver/operations/keys/keys.ts';
import { rewrap } from '../../../keyserver/operations/keys/rewrap.ts';
import { openReport, sealReport } from '../../../keyserver/replicas/report.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { testClock } from '../../support/clock.ts';
import { eachStore } from '../../support/database.ts';
import { startKeyserver, type TestKeyserver } from '../../support/keyserver.ts';

const day = new Date('2031-02-03T04:05:06Z');

/** Two KeyServers with folders of their own on one database, and the operator's tool. */
async function twoReplicas(t: Test, store: Store) {
  const clock = testClock();
  const first = await startKeyserver(t, { store, clock });
  const path = first.settings.KEYRING_DIR ?? '';
  const second = await startKeyserver(t, { store, clock, settings: first.settings });
  const replicas = [first, second];
  const context: OperationContext = { store, clock, keyring: loadKeyring(path) };
  const poll = (keyserver: TestKeyserver) => {
    for (const folder of keyserver.keyFolders) folder.poll();
  };
  const beat = async (of: readonly TestKeyserver[]) => {
    for (const { heartbeat } of of) await heartbeat.beat();
  };
  /** Makes a key, and reads the folder again, as each run of the tool does. */
  const makeKey = async () => {
    const made = await newKey('at-rest', path, day);
    context.keyring.take(loadKeyring(path));
    return made;
  };
  const step = (name: string, alive: readonly TestKeyserver[] = replicas, count = 2) => ({
    kind: 'at-rest' as const,
    path,
    name,
    replicas: count,
    pause: () => beat(alive),
  });
  return { clock, first, second, replicas, path, context, poll, beat, step, makeKey };
}

t.test('a key is promoted once all have loaded it, and retired once nothing needs it', (t) =>
  eachStore(t, async (t, openStore) => {
    const { clock, first, second, path, context, poll, beat, step, makeKey } = await twoReplicas(
      t,
      await openStore(),
    );
    await first.putApp('orders');
    await first.putToken('shop-1', 'plain', 'secret');
    const { name, content } = await makeKey();
    t.equal(name, '2031-02-03-040506');
    t.equal(content, undefined);
    t.equal(statSync(join(path, `${name}.key`)).mode & 0o777, 0o600);
    t.equal((await makeKey()).name, '2031-02-03-040507', 'another one');

    poll(first);
    const primary = () => readFileSync(join(path, 'primary'), 'utf8').trim();
    await t.rejects(promoteKey(context, step(name)), {
      code: 'not_confirmed',
      message:
        /^1 KeyServer confirmed, of 2 that must; .* has not loaded the key 2031-02-03-040506$/,
    });
    poll(second);
    await t.rejects(promoteKey(context, step(name, [first])), {
      code: 'not_confirmed',
      message: '1 KeyServer confirmed, of 2 that must',
    });
    await t.rejects(promoteKey(context, step('2031-9')), { code: 'input_invalid' });
    t.equal(primary(), 'k1', 'nothing was changed');
    t.match(await promoteKey(context, step(name)), { isWritten: true, isNew: true });
    t.equal(primary(), name);
    t.match(await promoteKey(context, step(name)), { isNew: false });
    poll(first);
    poll(second);
    await beat([first, second]);
    context.keyring.take(loadKeyring(path));

    await t.rejects(retireKey(context, step(name)), {
      code: 'key_in_use',
      message: /is the primary/,
    });
    await t.rejects(retireKey(context, step('k1')), {
      code: 'key_in_use',
      message: '1 token and 1 document need the key k1',
    });
    await first.putApp('orders');
    await first.putToken('shop-1', 'plain', 'secret');
    await t.rejects(retireKey(context, step('k1')), {
      code: 'key_in_use',
      message: /^a session that the key sealed may be open until /,
      suggestion: 'try again in 660 seconds',
    });
    clock.advance(660_001);
    t.match(await retireKey(context, step('k1')), { isWritten: true, isNew: true });
    t.notOk(existsSync(join(path, 'k1.key')));
    t.ok(existsSync(join(path, 'retired', 'k1.key')));
    t.match(await retireKey(context, step('k1')), { isNew: false });
    poll(first);
    t.same(first.keyring.kids, [name, '2031-02-03-040507']);
    await beat([first]);
    t.match(await listKeys(context, [['at-rest', path]]), {
      keys: [
        { name, primary: true, loadedBy: 2, primaryOf: 2, tokens: 1, documents: 1 },
        { name: '2031-02-03-040507', primary: false, inFolder: true },
        { name: 'k1', inFolder: false, loadedBy: 1 },
      ],
    });
  }),
);

t.test('an RSA key is published once no live proxy tells pins that lack it', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const clock = testClock();
    const keyserver = await startKeyserver(t, { store, clock, pollClock: clock });
    const { KEYRING_DIR = '', RSA_KEY_DIR: path = '' } = keyserver.settings;
    const context: OperationContext = { store, clock, keyring: loadKeyring(KEYRING_DIR) };
    const before = keyserver.rsaKeys.primary.keyId;
    const { name } = await newKey('rsa', path, day);
    const next = (await loadRsaKeys(path)).names.get(name) ?? '';
    for (const folder of keyserver.keyFolders) folder.poll();
    const pause = () => keyserver.heartbeat.beat();
    const step = { kind: 'rsa' as const, path, name, replicas: 1, pause };
    const { proxyPins } = keyserver.registry;
    proxyPins.note('ready', [before, next]);
    proxyPins.note('edge', [before]);
    await t.rejects(promoteKey(context, step), {
      code: 'not_confirmed',
      message: new RegExp(`is asked by a proxy whose pins lack ${next}, .*: "edge"$`),
      suggestion: { do: 'complete_pins', proxy: 'edge' },
    });
    const { keys } = await listKeys(context, [['rsa', path]]);
    const rejected = new Map(keys.map(({ id, rejectedBy }) => [id, rejectedBy]));
    t.same([rejected.get(before), rejected.get(next)], [[], ['edge']]);
    clock.advance(30_001);
    proxyPins.note('edge', [before, next]);
    t.match(await promoteKey(context, step), { isNew: true });
  }),
);

t.test('a KeyServer that starts meanwhile confirms once proxies can have told it their pins', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const clock = testClock();
    const first = await startKeyserver(t, { store, clock, pollClock: clock });
    const { settings } = first;
    const second = await startKeyserver(t, { store, clock, pollClock: clock, settings });
    const { KEYRING_DIR = '', RSA_KEY_DIR: path = '' } = settings;
    const context: OperationContext = { store, clock, keyring: loadKeyring(KEYRING_DIR) };
    const pins = [first.rsaKeys.primary.keyId];
    const { name } = await newKey('rsa', path, day);
    for (const folder of [...first.keyFolders, ...second.keyFolders]) folder.poll();
    first.registry.proxyPins.note('edge', pins);
    let polls = 0;
    const pause = async () => {
      polls += 1;
      if (polls < 12) return first.heartbeat.beat();
      if (polls === 12) await first.heartbeat.stop();
      if (polls === 14) second.registry.proxyPins.note('edge', pins);
      return second.heartbeat.beat();
    };
    const step = { kind: 'rsa' as const, path, name, replicas: 1, pause };
    await t.rejects(promoteKey(context, step), { code: 'not_confirmed', message: /: "edge"$/ });
    clock.advance(30_001);
    t.match(await promoteKey(context, step), { isNew: true });
  }),
);

t.test('a KeyServer that ends while the others are waited for confirms nothing', (t) =>
  eachStore(t, async (t, openStore) => {
    const { first, second, path, context, poll, beat, makeKey } = await twoReplicas(
      t,
      await openStore(),
    );
    const { name } = await makeKey();
    poll(second);
    let polls = 0;
    const pause = async () => {
      polls += 1;
      if (polls === 25) poll(first);
      await beat(polls < 10 ? [first, second] : [first]);
    };
    const step = { kind: 'at-rest' as const, path, name, replicas: 2, pause };
    await t.rejects(promoteKey(context, step), {
      code: 'not_confirmed',
      message: '1 KeyServer confirmed, of 2 that must',
    });
  }),
);

t.test('a key that another machine has under the same name is not confirmed', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const clock = testClock();
    const first = await startKeyserver(t, { store, clock });
    const path = first.settings.KEYRING_DIR ?? '';
    const theirs = join(path, '..', 'theirs');
    cpSync(path, theirs, { recursive: true });
    const settings = { ...first.settings, KEYRING_DIR: theirs };
    const second = await startKeyserver(t, { store, clock, settings });
    const { name } = await newKey('at-rest', path, day);
    writeFileSync(join(theirs, `${name}.key`), randomBytes(32), { mode: 0o600 });
    for (const { keyFolders } of [first, second]) for (const folder of keyFolders) folder.poll();
    t.same(second.keyring.kids, first.keyring.kids);
    const context = { store, clock, keyring: loadKeyring(path) };
    const step = {
      ...{ kind: 'at-rest' as const, path, name, replicas: 2 },
      pause: async () => {
        for (const { heartbeat } of [first, second]) await heartbeat.beat();
      },
    };
    await t.rejects(promoteKey(context, step), {
      code: 'not_confirmed',
      message: new RegExp(`has another key of the name ${name}`),
    });
    t.match(await listKeys(context, [['at-rest', path]]), {
      keys: [
        { name, inFolder: true, loadedBy: 1 },
        { name: 'k1', inFolder: true, loadedBy: 2 },
        { name, inFolder: false, loadedBy: 1 },
      ],
    });
    writeFileSync(join(path, 'primary'), name);
    await t.rejects(rewrap({ ...context, keyring: loadKeyring(path) }), { code: 'not_confirmed' });
    cpSync(join(path, `${name}.key`), join(theirs, `${name}.key`));
    for (const folder of second.keyFolders) folder.poll();
    t.match(await promoteKey(context, step), { confirmedBy: { length: 2 } });
  }),
);

t.test('a KeyServer that still uses the old primary keeps it from being retired', (t) =>
  eachStore(t, async (t, openStore) => {
    const { clock, first, second, context, poll, beat, step, makeKey } = await twoReplicas(
      t,
      await openStore(),
    );
    const { name } = await makeKey();
    poll(first);
    poll(second);
    await promoteKey(context, step(name));
    poll(first);
    clock.advance(1_000_000);
    await t.rejects(retireKey(context, step('k1')), {
      code: 'not_confirmed',
      message: /still uses k1 as its primary key/,
    });
    // One that has ended used it just now, too.
    await beat([second]);
    await second.heartbeat.stop();
    const alone = step('k1', [first], 1);
    await t.rejects(retireKey(context, alone), {
      code: 'key_in_use',
      message: /may be open until/,
    });
  }),
);

t.test('a copied report, a forged one and one of an unknown key confirm nothing', (t) =>
  eachStore(t, async (t, openStore) => {
    const { first, context, poll, beat, step, makeKey } = await twoReplicas(t, await openStore());
    const { store } = context;
    const { name } = await makeKey();
    poll(first);
    await beat([first]);
    const [row] = await store.replicas();
    if (row === undefined) throw new Error('no report');
    const report = openReport(first.keyring, row);
    const alike = {
      ...report,
      instance: 'other',
      atRest: { ...report.atRest, keys: context.keyring.ids },
    };
    let beats = 0;
    const puttingOn = (put: () => Promise<void>) => ({
      ...step(name),
      pause: async () => {
        beats += 1;
        await beat([first]);
        await put();
      },
    });
    const refused = { code: 'not_confirmed', message: /^1 KeyServer confirmed/ };
    const forged = puttingOn(() =>
      store.putReplica({ ...sealReport(first.keyring, 'x', beats, alike), beat: beats + 1 }),
    );
    await t.rejects(promoteKey(context, forged), refused, 'a beat that is not in the MAC');
    const copied = sealReport(first.keyring, 'y', 7, alike);
    await store.putReplica(copied);
    await t.rejects(
      promoteKey(
        context,
        puttingOn(() => store.putReplica(copied)),
      ),
      refused,
    );
    const fresh = puttingOn(() => store.putReplica(sealReport(first.keyring, 'z', beats, alike)));
    t.match(await promoteKey(context, fresh), { isNew: true }, 'a real one does');
    const halfOf = { ...alike, instance: 'third', workers: 2 };
    const half = puttingOn(() => store.putReplica(sealReport(first.keyring, 'w', beats, halfOf)));
    await t.rejects(promoteKey(context, half), refused, 'nor half of the workers');
  }),
);

t.test('the file is handed out if the folder cannot be written', async (t) => {
  const { settings } = await startKeyserver(t);
  const path = settings.KEYRING_DIR ?? '';
  chmodSync(path, 0o500);
  t.teardown(() => chmodSync(path, 0o700));
  const made = await asOwner(join(path, '..'), () => newKey('at-rest', path, day));
  t.equal(made.content?.length, 32);
});

/** Runs `work` as a user whom the modes of the folder bind: root, who may write everywhere, gives it away first. */
async function asOwner<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  const others = 65_534;
  for (const name of ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]) {
    chownSync(join(folder, name), others, others);
  }
  process.seteuid?.(others);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

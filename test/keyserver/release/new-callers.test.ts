import t, { type Test } from 'tap';
import { sealDocument } from '../../../keyserver/at-rest/document-row.ts';
import type { DocumentKind, Store } from '../../../keyserver/store/store.ts';
import { StoreError } from '../../../keyserver/store/store-error.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { askChanges } from '../../support/changes-client.ts';
import { testClock } from '../../support/clock.ts';
import { callerKey, everything, scratchStore } from '../../support/keyserver.ts';
import { askWhoami } from '../../support/whoami-client.ts';
import { startScene } from '../scene.ts';

/** A scene whose KeyServer nobody polls, and that counts its looks at the database. */
async function setUp(t: Test) {
  const clock = testClock();
  const real = await scratchStore(t);
  let looks = 0;
  let isAway = false;
  const store: Store = {
    ...real,
    position: () => {
      looks++;
      return isAway ? Promise.reject(new StoreError('failed', 'away')) : real.position();
    },
  };
  const scene = await startScene(t, { clock, pollClock: clock, store });
  const { keyserver, proxy, ask } = scene;
  clock.advance(1000);
  looks = 0;
  /** Stores a caller as the operator's tool does, and resolves to its key. */
  const create = async (kind: DocumentKind, id: string) => {
    const key = makeCallerKey(kind === 'app' ? 'spk_' : 'spx_');
    const keys = [callerKey(key)];
    await real.editDocument(kind, id, (_, revision) =>
      sealDocument(
        keyserver.keyring,
        kind,
        id,
        revision,
        kind === 'app' ? { keys, grants: everything } : { keys },
      ),
    );
    return key;
  };
  return {
    keyserver,
    clock,
    create,
    looks: () => looks,
    takeAway: () => {
      isAway = true;
    },
    whoami: async (app: string) => (await askWhoami(keyserver, { proxy, app })).status,
    release: async (app: string) =>
      (await ask({ credential: { ...scene.credential, app } })).status,
    changes: async (key: string) =>
      (await askChanges(keyserver, { credential: { proxy: key, since: 0 } })).status,
  };
}

t.test('a caller is known as soon as it has been created', async (t) => {
  const { keyserver, create, whoami, release, changes } = await setUp(t);
  t.equal(await whoami(await create('app', 'one')), 200);
  t.equal(await release(await create('app', 'two')), 200);
  t.equal(await changes(await create('proxy', 'proxy-2')), 200);
  const fingerprints = keyserver.log().map((line) => line.key_fingerprint);
  t.same(new Set(fingerprints), new Set([undefined]), 'none was refused');
});

t.test('strangers cause eight looks, and then four a second', async (t) => {
  const { clock, create, looks, whoami, release } = await setUp(t);
  const stranger = makeCallerKey('spk_');
  for (let ms = 0; ms < 1000; ms += 50) {
    t.equal(await whoami(stranger), 401);
    t.equal(await release(stranger), 401);
    clock.advance(50);
  }
  t.equal(looks(), 8 + 3);
  clock.advance(50);
  t.equal(await whoami(await create('app', 'one')), 200, 'and a new caller is known after all');
});

t.test(
  'a known caller causes none, and one that is refused for want of a database is told so',
  async (t) => {
    const { clock, create, looks, whoami, takeAway } = await setUp(t);
    const known = await create('app', 'one');
    t.same([await whoami(known), await whoami(known), looks()], [200, 200, 1]);
    takeAway();
    clock.advance(1000);
    t.equal(await whoami(makeCallerKey('spk_')), 401);
    t.equal(await whoami(known), 200);
    clock.advance(4000);
    t.equal(await whoami(makeCallerKey('spk_')), 503);
  },
);

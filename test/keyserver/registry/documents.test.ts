import { join } from 'node:path';
import t from 'tap';
import { sealDocument } from '../../../keyserver/at-rest/document-row.ts';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import type { DocumentKind, DocumentRow, Store } from '../../../keyserver/store/store.ts';
import { importKey } from '../../../shared/crypto/aead.ts';
import { documentMac } from '../../../shared/crypto/document-mac.ts';
import { eachStore } from '../../support/database.ts';
import { writeKeyFolder } from '../../support/key-folders.ts';
import { callerKey, everything } from '../../support/keyserver.ts';
import { refusal, type Scene, startScene, wanted } from '../scene.ts';

const typeRefused = { status: 500, code: 'integrity_failed', reason: 'document_refused' };
const appGone = { status: 401, code: 'caller_unauthenticated', reason: 'app_unknown' };
const proxyGone = { ...appGone, reason: 'proxy_unknown' };

/** A row of the documents table as it is. */
async function rowOf(store: Store, kind: DocumentKind, id: string): Promise<DocumentRow> {
  const row = (await store.documents()).find((each) => each.kind === kind && each.id === id);
  if (row === undefined) throw new Error(`no ${kind} ${id}`);
  return row;
}

type Execute = (sql: string) => Promise<void>;

/** Writes rows past the store, as one who has the database can: the counter moves, too. */
async function overwrite(execute: Execute, row: DocumentRow, at: Partial<DocumentRow> = {}) {
  const { kind, id } = { ...row, ...at };
  await execute(`DELETE FROM documents WHERE kind = '${kind}' AND id = '${id}'`);
  const { revision, kid, body, mac } = row;
  await execute(
    `INSERT INTO documents (kind, id, revision, kid, body, mac) VALUES ('${row.kind}', '${row.id}', ${revision}, '${kid}', '${body.replaceAll("'", "''").replaceAll('\\', '\\\\')}', '${mac}')`,
  );
  await execute('UPDATE change_counter SET seq = seq + 1');
}

t.test('a document that is not what was sealed is refused, and gone', async (t) => {
  await eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const scene = await startScene(t, { store });
    const { keyserver, ask } = scene;
    const { keyring } = keyserver;
    await keyserver.putDocument('type', 'open', {
      destinations: ['https://evil.example'],
      injection: { scheme: 'headers', headers: { 'X-Key': '{token}' } },
    });
    await keyserver.putApp('powerful');
    const originals = {
      type: await rowOf(store, 'type', 'ozon-seller'),
      app: await rowOf(store, 'app', 'orders'),
      proxy: await rowOf(store, 'proxy', 'proxy-1'),
    };
    const other = {
      type: await rowOf(store, 'type', 'open'),
      app: await rowOf(store, 'app', 'powerful'),
      proxy: await rowOf(store, 'proxy', 'proxy-1'),
    };
    const expected = { type: typeRefused, app: appGone, proxy: proxyGone };
    for (const kind of ['type', 'app', 'proxy'] as const) {
      const row = originals[kind];
      const key = keyring.primary('documents');
      const damages: Record<string, Partial<DocumentRow>> = {
        'a body edited': { body: row.body.replace('{', '{ ') },
        'a body emptied': { body: '{}' },
        'no body': { body: '' },
        'a higher revision': { revision: row.revision + 1000 },
        'a MAC of another row': { mac: documentMac(key, { ...row, id: 'another' }) },
        'a MAC of another kind': { mac: documentMac(key, { ...row, kind: 'token' }) },
        'a MAC of another revision': {
          mac: documentMac(key, { ...row, revision: row.revision + 1 }),
        },
        'a MAC by the key of rows': { mac: documentMac(keyring.primary('rows'), row) },
        'a MAC by a key of zeros': { mac: documentMac(importKey(Buffer.alloc(32)), row) },
        'a MAC cut short': { mac: row.mac.slice(0, -4) },
        'no MAC': { mac: '' },
        'no base64 for a MAC': { mac: '*'.repeat(43) },
        'a kid that is not ours': { kid: 'k2' },
        'a kid of objects': { kid: '__proto__' },
        'no kid': { kid: '' },
      };
      if (kind !== 'proxy') {
        const { body, mac, revision } = other[kind];
        damages['body, MAC and revision of another document'] = { body, mac, revision };
        damages['body and MAC of another document'] = { body, mac };
      }
      for (const [title, damage] of Object.entries(damages)) {
        await overwrite(execute, { ...row, ...damage });
        await keyserver.refresh();
        t.same(refusal(await ask()), expected[kind], `${kind}: ${title}`);
      }
      await overwrite(execute, row);
      await keyserver.refresh();
      t.equal((await ask()).status, 200, `${kind}: put back as it was sealed`);
    }
    const refusals = keyserver.log().filter(({ msg }) => msg === 'document refused');
    t.match(refusals[0], { level: 'error', kind: 'type', id: 'ozon-seller', revision: Number });
  });
});

t.test('a sealed document of a wrong form is refused', async (t) => {
  const { keyserver, ask } = await startScene(t);
  const put = (kind: DocumentKind, id: string, content: unknown) =>
    keyserver.putDocument(kind, id, content as never);
  const injection = { scheme: 'headers', headers: { A: '{token}' } };
  for (const policy of [
    { destinations: 'https://api.example', injection },
    { destinations: [], injection, surprise: true },
    { destinations: [], injection: { scheme: 'future' } },
    { destinations: [], injection, cacheSeconds: 301 },
    { destinations: [] },
    null,
    [],
  ]) {
    await put('type', 'ozon-seller', policy);
    t.same(refusal(await ask()), typeRefused, JSON.stringify(policy));
  }
  await keyserver.putType('ozon-seller');
  t.equal((await ask()).status, 200);
  for (const app of [{ keys: [], grants: 'all' }, { keys: [], grants: [{ client: '*' }] }, {}]) {
    await put('app', 'orders', app);
    t.same(refusal(await ask()), appGone, JSON.stringify(app));
  }
});

t.test('a row under another kind or id does not count', async (t) => {
  await eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const { keyserver, ask, app } = await startScene(t, { store });
    await keyserver.putDocument('app', 'weak', { keys: [callerKey(app)], grants: [] });
    const strong = await rowOf(store, 'app', 'orders');
    const weak = await rowOf(store, 'app', 'weak');
    await overwrite(execute, { ...strong, id: 'weak' });
    await overwrite(execute, { ...weak, id: 'orders' });
    await keyserver.refresh();
    t.same(refusal(await ask()), appGone, 'ids exchanged');
    await overwrite(execute, { ...strong, kind: 'proxy' });
    await keyserver.refresh();
    t.same(refusal(await ask()), appGone, 'an app as a proxy');
    await overwrite(execute, { ...(await rowOf(store, 'type', 'ozon-seller')), id: 'wildberries' });
    await keyserver.putToken('shop-1', 'wildberries', 'x');
    await overwrite(execute, strong);
    await keyserver.refresh();
    t.same(refusal(await ask({ tokenType: 'wildberries' })), typeRefused, 'a type renamed');
    await overwrite(execute, { ...strong, kind: 'type', id: 'ozon-seller' });
    await keyserver.refresh();
    t.same(refusal(await ask()), typeRefused, 'an app as a type');
  });
});

t.test('an older revision is refused by a running server', async (t) => {
  await eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const scene = await startScene(t, { store });
    const { keyserver, ask, app } = scene;
    const old = await rowOf(store, 'app', 'orders');
    await keyserver.putApp('orders', { key: app, grants: [{ client: 'shop-2', type: '*' }] });
    const revoked = await rowOf(store, 'app', 'orders');
    t.match(refusal(await ask()), { reason: 'no_grant' });
    await overwrite(execute, old);
    await keyserver.refresh();
    t.same(refusal(await ask()), appGone, 'the old grants do not come back');
    await overwrite(execute, revoked);
    await keyserver.refresh();
    t.match(refusal(await ask()), { reason: 'no_grant' }, 'the newest one does');
    await keyserver.putApp('orders', { key: app });
    t.equal((await ask()).status, 200, 'a new revision is taken');
    await overwrite(execute, { ...old, revision: revoked.revision });
    await keyserver.refresh();
    t.same(refusal(await ask()), appGone, 'the old body under a revision seen');
    await keyserver.putApp('orders', { key: app });
    await overwrite(execute, old);
    await execute('UPDATE change_counter SET seq = seq - 3');
    await t.rejects(keyserver.refresh(), { message: /^The database is behind/ });
    t.equal((await ask()).status, 200, 'the newest one stays in force for now');
  });
});

t.test('a deleted document does not come back as it was', async (t) => {
  await eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const { keyserver, ask, app, proxy } = await startScene(t, { store });
    for (const [kind, id, gone, putAgain] of [
      ['app', 'orders', appGone, () => keyserver.putApp('orders', { key: app })],
      ['proxy', 'proxy-1', proxyGone, () => keyserver.putProxy('proxy-1', proxy)],
      ['type', 'ozon-seller', typeRefused, () => keyserver.putType('ozon-seller')],
    ] as const) {
      const row = await rowOf(store, kind, id);
      await keyserver.deleteDocument(kind, id);
      t.not((await ask()).status, 200);
      await overwrite(execute, row);
      await keyserver.refresh();
      t.same(refusal(await ask()), gone, `${kind} put back`);
      await putAgain();
      t.equal((await ask()).status, 200, `${kind} made anew`);
    }
  });
});

t.test('a document sealed by an older key of the keyring still holds', async (t) => {
  const folder = join(t.testdir({}), 'keyring');
  const files = { 'old.key': Buffer.alloc(32, 1), 'new.key': Buffer.alloc(32, 2) };
  const before = loadKeyring(writeKeyFolder(folder, files, 'old'));
  writeKeyFolder(folder, {}, 'new');
  const { keyserver, ask } = await startScene(t, { settings: { KEYRING_DIR: folder } });
  await keyserver.store.editDocument('type', 'ozon-seller', (_row, revision) =>
    sealDocument(before, 'type', 'ozon-seller', revision, {
      destinations: ['https://api.example'],
      injection: { scheme: 'headers', headers: { A: '{token}' } },
    }),
  );
  await keyserver.refresh();
  t.match((await ask()).release.policy, { injection: { headers: { A: '{token}' } } });
});

t.test('one bad row leaves the others in force', async (t) => {
  const scene = await startScene(t);
  const { keyserver, ask } = scene;
  await keyserver.putApp('second');
  await damage(scene, 'app', 'second');
  t.equal((await ask()).status, 200);
  t.equal((await ask({ credential: { ...scene.credential, app: null } })).status, 401);
});

async function damage({ keyserver }: Scene, kind: DocumentKind, id: string): Promise<void> {
  await keyserver.store.editDocument(kind, id, (row, revision) => row && { ...row, revision });
  await keyserver.refresh();
}

t.test('a row that no number can count holds up neither a revocation nor the others', async (t) => {
  await eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const { keyserver, ask, app } = await startScene(t, { store });
    await keyserver.putApp('bait');
    // More than a number can hold exactly.
    await execute("UPDATE documents SET revision = 9223372036854775807 WHERE id = 'bait'");
    t.equal((await ask()).status, 200);
    await keyserver.putApp('orders', { key: app, grants: [] });
    t.match(refusal(await ask()), { code: 'grant_denied', reason: 'no_grant' });
    const refused = keyserver.log().filter(({ msg }) => msg === 'document refused');
    t.match(refused, [{ kind: 'app', id: 'bait' }]);
  });
});

t.test('an existing proxy key keeps no place for the app of the same key', async (t) => {
  const { keyserver, ask, credential } = await startScene(t);
  await keyserver.putDocument('app', 'odd', {
    keys: [callerKey(credential.proxy)],
    grants: everything,
  });
  const refused = await ask({ credential: { ...credential, app: credential.proxy } });
  t.same(refusal(refused), appGone, `${wanted.tokenType}: keys say what they are for`);
});

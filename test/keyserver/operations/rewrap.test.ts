import { randomBytes } from 'node:crypto';
import t from 'tap';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { Keyring } from '../../../keyserver/keys/keyring.ts';
import { createApp } from '../../../keyserver/operations/callers.ts';
import type { OperationContext } from '../../../keyserver/operations/context.ts';
import { Pace } from '../../../keyserver/operations/keys/pace.ts';
import { rewrap } from '../../../keyserver/operations/keys/rewrap.ts';
import { inspectToken } from '../../../keyserver/operations/tokens.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import { sealReport } from '../../../keyserver/replicas/report.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { StoreError } from '../../../keyserver/store/store-error.ts';
import { systemClock } from '../../../shared/clock.ts';
import { eachStore } from '../../support/database.ts';
import { deleteDocument } from '../../support/delete-document.ts';
import { plainPolicy } from '../../support/pair-state.ts';

const masters = new Map(['old', 'new', 'lost'].map((kid) => [kid, randomBytes(32)]));
const ring = (primary: string, kids: readonly string[]) =>
  new Keyring(primary, new Map(kids.map((kid) => [kid, masters.get(kid) as Buffer])));
const before = ring('old', ['old', 'lost']);
const after = ring('new', ['old', 'new']);
const contextOf = (store: Store, keyring: Keyring): OperationContext => ({
  store,
  keyring,
  clock: systemClock,
});
const pause = async () => {};
const tokens = 1234;

async function fill(store: Store) {
  const context = contextOf(store, before);
  await putType(context, 'plain', plainPolicy('http://127.0.0.1:1'));
  await createApp(context, 'orders');
  const rows = Array.from({ length: tokens }, (_, i) =>
    sealSecret(before, { clientId: `c${i}`, tokenType: 'plain' }, secretOf(i)),
  );
  await store.putTokens({ rows, isSame: () => false, announce: true });
}
const secretOf = (i: number) => ({
  fields: { token: `secret ${i}` },
  expiresAt: '2099-01-01T00:00:00.000Z',
});

async function secrets(context: OperationContext) {
  const found = new Map<string, unknown>();
  for await (const row of context.store.listTokens()) {
    const { summary, secret } = inspectToken(context, row);
    found.set(row.clientId, [summary.kid, secret?.fields.token, secret?.expiresAt]);
  }
  return found;
}

t.test('seals all with the primary key, and each token opens to what it was', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store);
    await store.putToken({
      clientId: 'legacy',
      tokenType: 'plain',
      token: 'i6Pkth8HrLsVtgCsMJ8ItA==',
    });
    await store.putToken(
      sealSecret(ring('lost', ['lost']), { clientId: 'gone', tokenType: 'plain' }, secretOf(0)),
    );
    const context = contextOf(store, after);
    const { seq } = await store.position();
    const told: (readonly number[])[] = [];
    const onProgress = (done: number, total: number) => told.push([done, total]);
    const pauses: number[] = [];
    const noting = async (ms: number) => void pauses.push(ms);
    t.same(await rewrap(context, { pause: noting, onProgress }), {
      tokens,
      documents: 2,
      images: 0,
      changed: 0,
      broken: 1,
    });
    t.same(told.at(-1), [tokens, tokens + 1]);
    t.ok(
      pauses.slice(0, 2).every((ms) => ms >= 10),
      'at most 100 documents a second',
    );
    const found = await secrets(context);
    for (let i = 0; i < tokens; i += 1) {
      if (String(found.get(`c${i}`)) !== `new,secret ${i},2099-01-01T00:00:00.000Z`)
        t.fail(`c${i}`);
    }
    t.equal(found.size, tokens + 2);
    t.same(await store.kidCounts().then((all) => all.sort((a, b) => b.tokens - a.tokens)), [
      { kid: 'new', tokens, documents: 2 },
      { kid: 'lost', tokens: 1, documents: 0 },
    ]);
    t.match(await store.changesSince(seq), [{ id: 'orders' }, { id: 'plain' }]);
    t.equal((await store.changesSince(seq)).length, 2, 'of documents alone');
    t.match(await rewrap(context, { pause }), { tokens: 0, documents: 0, broken: 1 });
  }),
);

t.test('goes on after it was ended, beside a second run, and loses nobody’s token', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store);
    let batches = 0;
    const ending: Store = {
      ...store,
      swapTokens: async (batch, options) => {
        batches += 1;
        if (batches === 3) throw new Error('ended');
        return store.swapTokens(batch, options);
      },
    };
    await t.rejects(rewrap(contextOf(ending, after), { pause }), /ended/);
    const mine = sealSecret(
      after,
      { clientId: 'c999', tokenType: 'plain' },
      { fields: { token: 'mine' } },
    );
    const racing: Store = {
      ...store,
      swapTokens: async (batch, options) => {
        if (batch.some(({ row }) => row.clientId === 'c999')) await store.putToken(mine);
        return store.swapTokens(batch, options);
      },
    };
    const results = await Promise.all([
      rewrap(contextOf(racing, after), { pause }),
      rewrap(contextOf(racing, after), { pause }),
    ]);
    t.equal(
      results.reduce((sum, { broken }) => sum + broken, 0),
      0,
    );
    const found = await secrets(contextOf(store, after));
    t.same(found.get('c999'), ['new', 'mine', undefined]);
    found.delete('c999');
    t.equal(found.size, tokens - 1);
    for (const [client, [kid, token]] of found as Map<string, string[]>) {
      if (kid !== 'new' || token !== `secret ${client.slice(1)}`) t.fail(client);
    }
  }),
);

t.test('does not begin while a KeyServer lacks the primary key', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store);
    const keys = { primary: before.primaryId, since: 0, keys: before.ids };
    const report = {
      instance: 'i',
      host: 'replica-2',
      workers: 1,
      version: '1',
      atRest: keys,
      rsa: keys,
      history: '',
      seq: 0,
      stopped: false,
    };
    await store.putReplica(sealReport(before, 'a', 1, report));
    await t.rejects(rewrap(contextOf(store, after), { pause }), {
      code: 'not_confirmed',
      message: 'a KeyServer has not loaded the primary key new: replica-2',
    });
    t.same(await store.kidCounts(), [{ kid: 'old', tokens, documents: 2 }]);
  }),
);

t.test('a batch that the database does not bear is tried again with fewer rows', async (t) => {
  const pauses: number[] = [];
  const pace = new Pace(async (ms) => void pauses.push(ms));
  const items = Array.from({ length: 500 }, (_, i) => i);
  const sizes: number[] = [];
  let failures = 3;
  const write = async (batch: readonly number[]) => {
    sizes.push(batch.length);
    if (sizes.length > 1 && failures > 0) {
      failures -= 1;
      throw new StoreError(failures === 1 ? 'timeout' : 'locked', 'no');
    }
    return batch;
  };
  t.same(await pace.run(items, write), items, 'each once, in their order');
  t.same(sizes, [100, 200, 50, 50, 50, 100, 200, 50], 'and batches grow again');
  t.same(pauses.slice(1, 4), [500, 1000, 2000]);
  await t.rejects(
    pace.run(items, () => Promise.reject(new Error('other'))),
    /other/,
  );
  failures = 99;
  await t.rejects(pace.run(items, write), /no/);
});

t.test('a document that is gone meanwhile is not broken, and one that has no valid name is', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const beforeContext = contextOf(store, before);
    for (const id of ['billing', 'orders', 'stocks']) await createApp(beforeContext, id);
    await execute(
      "INSERT INTO documents (kind, id, revision, kid, body, mac) SELECT kind, '', revision, kid, body, mac FROM documents WHERE id = 'orders'",
    );
    const racing: Store = {
      ...store,
      editDocument: async (kind, id, edit) => {
        if (id === 'billing') await deleteDocument(beforeContext, 'app', id);
        return store.editDocument(kind, id, edit);
      },
    };
    t.match(await rewrap(contextOf(racing, after), { pause }), { documents: 2, broken: 1 });
    t.same(
      (await store.documents()).filter(({ kid }) => kid === 'new').map(({ id }) => id),
      ['orders', 'stocks'],
    );
  }),
);

import t from 'tap';
import { openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import type { TokenRow } from '../../../keyserver/store/store.ts';
import type { StoreError } from '../../../keyserver/store/store-error.ts';
import { eachStore, rawConnection, scratchDatabase } from '../../support/database.ts';

const isSame = (stored: TokenRow, row: TokenRow) => stored.token === row.token;
const row = (n: number, token = 'x'): TokenRow => ({
  clientId: `client ${String(n).padStart(5, '0')}`,
  tokenType: 'ozon',
  token,
});
const rows = (length: number, token?: string) => Array.from({ length }, (_, n) => row(n, token));

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const one of all) collected.push(one);
  return collected;
}

/** The kind of the error of what must fail. */
const kindOf = (failing: Promise<unknown>) =>
  failing.then(
    () => 'stored',
    (error: StoreError) => error.kind,
  );

t.test('stores many rows at once, and only those that differ', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const put = (all: readonly TokenRow[], announce = false) =>
      store.putTokens({ rows: all, isSame, announce });
    t.same(await put(rows(1000)), { added: 1000, replaced: 0, unchanged: 0 });
    t.same(await collect(store.listTokens()), rows(1000));
    const next = [...rows(10), row(10, 'y'), row(1000)];
    t.same(await put(next), { added: 1, replaced: 1, unchanged: 10 });
    t.same(await store.findTokens(row(10).clientId, 'ozon'), [row(10, 'y')]);
    t.same(await put(next), { added: 0, replaced: 0, unchanged: 12 });
    t.equal(await store.lastSeq(), 0, 'nothing was announced');
    const dry = await store.putTokens({ rows: rows(5, 'z'), isSame, announce: true, dryRun: true });
    t.same(dry, { added: 0, replaced: 5, unchanged: 0 });
    t.same(await store.findTokens(row(0).clientId, 'ozon'), [row(0)], 'a dry run stores nothing');
    t.equal(await store.lastSeq(), 0);
  }),
);

t.test('a dry run waits for no change, and holds none up', async (t) => {
  const options = await scratchDatabase(t);
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  await store.migrate();
  const other = await rawConnection(t, options);
  await other.beginTransaction();
  await other.query('UPDATE change_counter SET seq = seq WHERE id = 1');
  for (const announce of [true, false]) {
    const dry = store.putTokens({ rows: rows(3), isSame, announce, dryRun: true });
    t.same(await dry, { added: 3, replaced: 0, unchanged: 0 });
  }
});

t.test('announces a few changes by name, and many by one number without a name', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const put = (all: readonly TokenRow[]) =>
      store.putTokens({ rows: all, isSame, announce: true });
    await put(rows(100));
    t.equal(await store.lastSeq(), 100);
    const changes = await store.changesSince(0);
    t.same(
      changes.map(({ seq, id }) => [seq, id]),
      rows(100).map(({ clientId }, i) => [i + 1, clientId]),
    );
    await put(rows(100));
    t.equal(await store.lastSeq(), 100, 'without a change there is no number');
    await put(rows(101, 'y'));
    t.equal(await store.lastSeq(), 101);
    t.same(await store.changesSince(100), [], 'the number has no row');
    await store.announceAll();
    t.equal(await store.lastSeq(), 102);
    t.same(await store.changesSince(100), []);
  }),
);

t.test('stores all rows or none, and tells names apart by their bytes', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore({ tokenTable: 'own', migrated: false });
    await execute(
      'CREATE TABLE own (client_id VARCHAR(40), token_type VARCHAR(40), token VARCHAR(5))',
    );
    await store.migrate();
    const put = (all: readonly TokenRow[]) =>
      store.putTokens({ rows: all, isSame, announce: true });
    const names = ['acme', 'ACME', 'acmé'];
    const named = names.map((name) => ({ clientId: name, tokenType: 'ozon', token: name }));
    t.same(await put(named), { added: 3, replaced: 0, unchanged: 0 });
    const changed = [{ ...named[1], token: 'new' }] as TokenRow[];
    t.same(await put(changed), { added: 0, replaced: 1, unchanged: 0 });
    t.same(
      await Promise.all(
        names.map(async (name) => (await store.findTokens(name, 'ozon'))[0]?.token),
      ),
      names.with(1, 'new'),
    );
    await execute("INSERT INTO own VALUES ('acme', 'ozon', 'twice')");
    t.equal((await store.findTokens('acme', 'ozon')).length, 2);
    t.same(await put([named[0] as TokenRow]), { added: 0, replaced: 1, unchanged: 0 });
    t.same(await store.findTokens('acme', 'ozon'), [named[0]], 'several rows of a name become one');
    const seq = await store.lastSeq();
    if (store.description.startsWith('mysql')) {
      t.equal(await kindOf(put([row(1), row(2, 'too long')])), 'row_unfit');
      t.same(
        await store.findTokens(row(1).clientId, 'ozon'),
        [],
        'the first was not stored either',
      );
      t.equal(await store.lastSeq(), seq);
    }
  }),
);

t.test('rejects rows that the columns would not give back, and stores none of them', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore({ tokenTable: 'own', migrated: false });
    await execute('CREATE TABLE own (client_id INTEGER, token_type VARCHAR(40), token TEXT)');
    await store.migrate();
    const numbered = ['7', '042'].map((clientId) => ({ clientId, tokenType: 'ozon', token: 'x' }));
    t.equal(await kindOf(store.putTokens({ rows: numbered, isSame, announce: true })), 'row_unfit');
    t.same(await collect(store.listTokens()), []);
    t.same(await store.putTokens({ rows: numbered.slice(0, 1), isSame, announce: true }), {
      ...{ added: 1, replaced: 0, unchanged: 0 },
    });
    t.same(await collect(store.listTokens()), numbered.slice(0, 1));
  }),
);

t.test('two at once, and single puts between, leave every row whole', (t) =>
  eachStore(t, async (t, openStore) => {
    const stores = [await openStore(), await openStore()] as const;
    const put = async (store: (typeof stores)[number], token: string) => {
      for (let at = 0; at < 600; at += 200) {
        const batch = rows(600, token).slice(at, at + 200);
        await store.putTokens({ rows: batch, isSame, announce: at === 400 });
        await store.putToken(row(at, token));
      }
    };
    await Promise.all([put(stores[0], 'one'), put(stores[1], 'two')]);
    const stored = await collect(stores[0].listTokens());
    t.same(
      stored.map(({ clientId }) => clientId),
      rows(600).map(({ clientId }) => clientId),
    );
    t.ok(stored.every(({ token }) => token === 'one' || token === 'two'));
  }),
);

t.test('a snapshot does not see what changes meanwhile', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.putTokens({ rows: rows(700), isSame, announce: true });
    const seen = await store.snapshot(async (snapshot) => {
      const listing = snapshot.listTokens()[Symbol.asyncIterator]();
      await listing.next();
      await store.putTokens({ rows: rows(701, 'later'), isSame, announce: true });
      await store.deleteToken(row(3).clientId, 'ozon');
      const write = (_: unknown, revision: number) => ({
        ...{ kind: 'app' as const, id: 'shop', revision, kid: 'k', body: 'b', mac: 'm' },
      });
      await store.editDocument('app', 'shop', write);
      const rest = await collect({ [Symbol.asyncIterator]: () => listing });
      return { position: snapshot.position, documents: await snapshot.documents(), rest };
    });
    t.equal(seen.position.seq, 1);
    t.same(seen.documents, []);
    t.same(seen.rest, rows(700).slice(1));
    t.equal((await collect(store.listTokens())).length, 700);
    t.equal((await store.documents()).length, 1);
  }),
);

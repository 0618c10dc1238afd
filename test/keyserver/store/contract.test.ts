import t from 'tap';
import { keptChanges } from '../../../keyserver/store/statements.ts';
import type { DocumentEdit, TokenRow } from '../../../keyserver/store/store.ts';
import { eachStore } from '../../support/database.ts';

/** An edit that writes `body`, whatever was there. */
function writing(id: string, body: string): DocumentEdit {
  return (_, revision) => ({ kind: 'app', id, revision, kid: 'k1', body, mac: 'bWFj' });
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const row of rows) collected.push(row);
  return collected;
}

const removing: DocumentEdit = () => undefined;

// Names that some collation or padding rule takes for one.
const lookalikes = [
  'acme',
  'ACME',
  'acme ',
  'acmé',
  'acme\u0301',
  'ａcme',
  'Ёлка',
  'Елка',
  '🛒',
  '🛍',
];

t.test('keeps tokens', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    t.same(await store.findTokens('acme', 'ozon'), []);
    const row = { clientId: 'acme', tokenType: 'ozon', token: 'one' };
    t.equal(await store.putToken(row), false, 'the first put inserts');
    t.same(await store.findTokens('acme', 'ozon'), [row]);
    t.equal(await store.putToken({ ...row, token: 'two' }), true, 'the second replaces');
    t.same(await store.findTokens('acme', 'ozon'), [{ ...row, token: 'two' }]);
    t.equal(await store.deleteToken('acme', 'other'), false);
    t.equal(await store.deleteToken('acme', 'ozon'), true);
    t.equal(await store.deleteToken('acme', 'ozon'), false);
    t.same(await store.findTokens('acme', 'ozon'), []);
  }),
);

t.test('needs a keyring for what one sealed, not for rows of the earlier system', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    t.equal(await store.needsKeyring(), false, 'nothing is stored');
    const row = { clientId: 'acme', tokenType: 'ozon' };
    await store.putToken({ ...row, token: 'i6Pkth8HrLsVtgCsMJ8ItA==' });
    t.equal(await store.needsKeyring(), false);
    await store.putToken({ ...row, clientId: 'other', token: 'skt1.k1.AAAA' });
    t.equal(await store.needsKeyring(), true);
    await store.deleteToken('other', 'ozon');
    t.equal(await store.needsKeyring(), false);
    await store.editDocument('app', 'a', writing('a', '{}'));
    t.equal(await store.needsKeyring(), true);
  }),
);

t.test('finds tokens asked for at once as it does one by one', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const clients = Array.from({ length: 50 }, (_, i) => `shop-${i}`);
    const stored = clients.filter((_, i) => i % 3 !== 0);
    for (const clientId of stored) {
      await store.putToken({ clientId, tokenType: 'ozon', token: `of ${clientId}` });
    }
    const asked = [...clients, 'shop-1', 'SHOP-1'];
    const together = await Promise.all(asked.map((name) => store.findTokens(name, 'ozon')));
    t.same(
      together,
      asked.map((clientId) =>
        stored.includes(clientId) ? [{ clientId, tokenType: 'ozon', token: `of ${clientId}` }] : [],
      ),
    );
    t.same(
      await Promise.all([store.findTokens('shop-1', 'other'), store.findTokens('none', 'ozon')]),
      [[], []],
    );
  }),
);

t.test('tells names apart by their bytes alone', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    for (const name of lookalikes) {
      t.equal(await store.putToken({ clientId: name, tokenType: name, token: name }), false, name);
    }
    for (const name of lookalikes) {
      t.same(await store.findTokens(name, name), [
        { clientId: name, tokenType: name, token: name },
      ]);
    }
    t.equal(await store.deleteToken('ACME', 'ACME'), true);
    t.same(await store.findTokens('ACME', 'ACME'), []);
    t.equal((await store.findTokens('acme', 'acme')).length, 1);
  }),
);

t.test('takes names of 255 characters of four bytes, and long tokens', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const row = {
      clientId: '🛒'.repeat(255),
      tokenType: '🛍'.repeat(255),
      token: 'x'.repeat(300_000),
    };
    await store.putToken(row);
    t.same(await store.findTokens(row.clientId, row.tokenType), [row]);
    t.match(await store.changesSince(0), [{ id: row.clientId, tokenType: row.tokenType }]);
  }),
);

t.test('lists tokens in the order of their names, over several batches', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const rows: TokenRow[] = [];
    for (let client = 0; client < 25; client += 1) {
      for (let type = 0; type < 41; type += 1) {
        const clientId = `client ${String(client).padStart(2, '0')}`;
        rows.push({ clientId, tokenType: `t${String(type).padStart(2, '0')}`, token: 'x' });
      }
    }
    for (const row of rows.toReversed()) await store.putToken(row);
    t.same(await collect(store.listTokens()), rows);
    t.equal((await store.clients()).length, 25);
  }),
);

t.test('keeps documents, with revisions that only grow', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const first = await store.editDocument('app', 'shop', writing('shop', '{"a":"ё🛒"}'));
    t.same(first, {
      kind: 'app',
      id: 'shop',
      revision: 1,
      kid: 'k1',
      body: '{"a":"ё🛒"}',
      mac: 'bWFj',
    });
    t.same(await store.documents(), [first]);
    const second = await store.editDocument('app', 'shop', (current, revision) => {
      t.same(current, first, 'the edit sees what is stored');
      return { kind: 'app', id: 'shop', revision, kid: 'k2', body: 'b', mac: 'm' };
    });
    t.same(await store.documents(2), [second]);
    await t.rejects(store.documents(3), { name: 'StoreError', kind: 'behind' });
    t.equal(await store.editDocument('app', 'shop', removing), undefined);
    t.same(await store.documents(), []);
    const third = await store.editDocument('app', 'shop', writing('shop', 'again'));
    t.equal(third?.revision, 4, 'the deletion took 3');
  }),
);

t.test('tells documents apart by kind and by the bytes of their ids', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    for (const id of lookalikes) await store.editDocument('app', id, writing(id, id));
    await store.editDocument('type', 'acme', (_, revision) => {
      return { kind: 'type', id: 'acme', revision, kid: 'k', body: 'type', mac: 'm' };
    });
    const documents = await store.documents();
    t.equal(documents.length, lookalikes.length + 1);
    for (const id of lookalikes) {
      t.ok(
        documents.some((row) => row.kind === 'app' && row.id === id && row.body === id),
        id,
      );
    }
  }),
);

t.test('rolls back an edit that throws', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const stored = await store.editDocument('app', 'shop', writing('shop', 'body'));
    const fault = new Error('refused');
    const throwing = () => {
      throw fault;
    };
    await t.rejects(store.editDocument('app', 'shop', throwing), fault);
    t.same(await store.documents(), [stored]);
    t.equal(await store.lastSeq(), 1);
    t.equal((await store.editDocument('app', 'b', writing('b', 'b')))?.revision, 2);
  }),
);

t.test('refuses an edit that changes the id or takes another revision', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await t.rejects(store.editDocument('app', 'shop', writing('other', 'body')), TypeError);
    await t.rejects(
      store.editDocument('app', 'shop', () => ({
        kind: 'app',
        id: 'shop',
        revision: 7,
        kid: 'k',
        body: '',
        mac: '',
      })),
      TypeError,
    );
    t.same(await store.documents(), []);
    t.equal(await store.lastSeq(), 0);
  }),
);

t.test('numbers changes in the order of their commits, and only real ones', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    t.equal(await store.lastSeq(), 0);
    t.same(await store.changesSince(0), []);
    await store.putToken({ clientId: 'acme', tokenType: 'ozon', token: 'x' });
    await store.editDocument('app', 'shop', writing('shop', 'body'));
    await store.deleteToken('acme', 'absent');
    await store.editDocument('app', 'absent', removing);
    t.equal(await store.lastSeq(), 2, 'what changed nothing is not counted');
    await store.deleteToken('acme', 'ozon');
    await store.editDocument('app', 'shop', removing);
    const changes = [
      { seq: 1, kind: 'token', id: 'acme', tokenType: 'ozon' },
      { seq: 2, kind: 'app', id: 'shop' },
      { seq: 3, kind: 'token', id: 'acme', tokenType: 'ozon' },
      { seq: 4, kind: 'app', id: 'shop' },
    ];
    t.strictSame(await store.changesSince(0), changes);
    t.strictSame(await store.changesSince(2), changes.slice(2));
    t.same(await store.changesSince(4), []);
  }),
);

t.test('loses no edit where many run at once from two stores', (t) =>
  eachStore(t, async (t, openStore) => {
    const stores = [await openStore(), await openStore()];
    const counting: DocumentEdit = (current, revision) => {
      const body = String(Number(current?.body ?? 0) + 1);
      return { kind: 'app', id: 'counter', revision, kid: 'k', body, mac: 'm' };
    };
    const edits = Array.from({ length: 40 }, (_, n) =>
      stores[n % 2]?.editDocument('app', 'counter', counting),
    );
    const revisions = (await Promise.all(edits)).map((row) => row?.revision ?? 0);
    t.equal(new Set(revisions).size, 40, 'each edit has a revision of its own');
    t.match(await stores[0]?.documents(), [{ body: '40', revision: 40 }]);
    const changes = (await stores[1]?.changesSince(0)) ?? [];
    t.same(
      changes.map((change) => change.seq),
      Array.from({ length: 40 }, (_, n) => n + 1),
      'without a gap',
    );
  }),
);

t.test('forgets changes far behind', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await execute(`UPDATE change_counter SET seq = ${keptChanges + 2}`);
    await execute("INSERT INTO changes (seq, kind, id) VALUES (2, 'app', 'b'), (3, 'app', 'c')");
    await execute(
      "INSERT INTO changes (seq, kind, id) VALUES (4, 'app', 'd'), (5, 'new kind', 'e')",
    );
    await store.editDocument('app', 'shop', writing('shop', 'body'));
    t.same(
      (await store.changesSince(0)).map(({ seq }) => seq),
      [4, keptChanges + 3],
      'the oldest are gone, and a kind of a later version is passed over',
    );
  }),
);

t.test('says so where the counter is gone', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await execute('DELETE FROM change_counter');
    const gone = { name: 'StoreError', kind: 'failed', message: /change_counter/ };
    await t.rejects(store.lastSeq(), gone);
    await t.rejects(store.editDocument('app', 'shop', writing('shop', 'body')), gone);
    t.same(await store.documents(), []);
  }),
);

t.test('gives documents as they are, also of a kind or with a revision that nobody knows', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await execute(
      "INSERT INTO documents VALUES ('new kind', 'a', 9223372036854775807, 'k', 'b', 'm')",
    );
    const row = { kind: 'new kind', id: 'a', revision: Number.NaN, kid: 'k', body: 'b', mac: 'm' };
    t.same(await store.documents(), [row]);
  }),
);

t.test('works on a token table that was there, of three plain columns', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    // Without a key: so one name can have two rows, and NULL can stand anywhere.
    await execute(
      'CREATE TABLE storage (client_id VARCHAR(100), token_type VARCHAR(100), token TEXT)',
    );
    await execute(
      "INSERT INTO storage VALUES ('acme', 'ozon', 'old'), (NULL, 'ozon', 'x'), ('n', 'n', NULL)",
    );
    const store = await openStore();
    const row = { clientId: 'acme', tokenType: 'ozon', token: 'old' };
    t.same(await store.findTokens('acme', 'ozon'), [row]);
    const listed = await collect(store.listTokens());
    t.same(
      listed.toSorted((one, other) => (one.clientId < other.clientId ? -1 : 1)),
      [
        { clientId: '', tokenType: 'ozon', token: 'x' },
        row,
        { clientId: 'n', tokenType: 'n', token: '' },
      ],
    );
    await execute("INSERT INTO storage VALUES ('acme', 'ozon', 'other')");
    t.equal((await store.findTokens('acme', 'ozon')).length, 2, 'both rows are told');
    t.equal(await store.putToken({ ...row, token: 'new' }), true);
    t.same(await store.findTokens('acme', 'ozon'), [{ ...row, token: 'new' }], 'a put leaves one');
    await execute("INSERT INTO storage VALUES ('acme', 'ozon', 'other')");
    t.equal(await store.deleteToken('acme', 'ozon'), true);
    t.same(await store.findTokens('acme', 'ozon'), [], 'a deletion takes both');
  }),
);

t.test('lists more rows of one name than fit into a batch', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE storage (client_id VARCHAR(100), token_type VARCHAR(100), token TEXT)',
    );
    const values = Array.from({ length: 1203 }, (_, n) => `('b', 'b', '${n}')`);
    await execute(`INSERT INTO storage VALUES ('a', 'a', ''), ${values}, ('c', 'c', '')`);
    const store = await openStore();
    const tokens = (await collect(store.listTokens())).map(({ token }) => token);
    t.equal(tokens.length, 1205);
    t.equal(new Set(tokens).size, 1204, 'each once');
  }),
);

t.test('reads 1,048,576 characters of a token and 4,194,304 of a document', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await execute(`INSERT INTO storage VALUES ('long', 'ozon', '${'x'.repeat(1_048_577)}')`);
    const [row] = await store.findTokens('long', 'ozon');
    t.equal(row?.token.length, 1_048_576);
    const body = 'x'.repeat(4_194_305);
    await execute(`INSERT INTO documents VALUES ('app', 'long', 1, 'k1', '${body}', 'bWFj')`);
    const [document] = await store.documents();
    t.equal(document?.body.length, 4_194_304);
  }),
);

t.test('keeps the latest report of each process, with its age', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const report = { id: 'a', beat: 1, kid: 'k1', body: '{"ё":1}', mac: 'bWFj' };
    await store.putReplica(report);
    await store.putReplica({ ...report, id: 'b' });
    await store.putReplica({ ...report, beat: 2 });
    t.match(await store.replicas(), [{ ...report, beat: 2 }, { id: 'b' }]);
    t.ok((await store.replicas()).every(({ ageSeconds }) => ageSeconds >= 0 && ageSeconds < 60));
    await execute('UPDATE replicas SET seen_at = seen_at - 3700');
    t.ok((await store.replicas()).every(({ ageSeconds }) => ageSeconds >= 3700));
    await store.putReplica({ ...report, id: 'c', beat: 2 });
    t.equal((await store.replicas()).length, 3, 'which not every report cleans up');
    await store.putReplica({ ...report, id: 'c', beat: 101 });
    t.match(await store.replicas(), [{ id: 'c' }], 'those of long ago are forgotten');
    t.equal((await store.replicas()).length, 1);
  }),
);

t.test('keeps the day of the last use of a key', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.putKeyUses([
      { hash: 'h', day: '2026-11-27' },
      { hash: 'i', day: '2026-11-27' },
    ]);
    await store.putKeyUses([{ hash: 'h', day: '2026-11-28' }]);
    const uses = (await store.keyUses()).sort((a, b) => (a.hash < b.hash ? -1 : 1));
    t.same(uses, [
      { hash: 'h', day: '2026-11-28' },
      { hash: 'i', day: '2026-11-27' },
    ]);
    t.equal(await store.lastSeq(), 0, 'no change has a number');
  }),
);

t.test('counts rows by the key that sealed them', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const tables = ['storage', 'earlier'];
    await execute(
      'CREATE TABLE earlier (client_id VARCHAR(90), token_type VARCHAR(90), token TEXT)',
    );
    for (const tokenTable of tables) {
      const store = await openStore({ tokenTable });
      const seq = await store.lastSeq();
      const row = (clientId: string, token: string) => ({ clientId, tokenType: 'x', token });
      const rows = [
        row('a', 'skt1.k1.AAAA'),
        row('b', 'skt1.K1.AAAA'),
        row('c', 'skt1.k1.BBBB'),
        row('d', 'i6Pkth8HrLsVtgCsMJ8ItA=='),
        row('e', 'skt1.'),
        row('f', 'SKT1.k1.AAAA'),
        row('g', 'skt1.k_1.AAAA'),
      ];
      for (const one of rows) await store.putToken(one);
      if (seq === 0) await store.editDocument('app', 'a', writing('a', '{}'));
      const counts = (await store.kidCounts()).sort((a, b) => (a.kid < b.kid ? -1 : 1));
      t.same(counts, [
        { kid: 'K1', tokens: 1, documents: 0 },
        { kid: 'k1', tokens: 2, documents: 1 },
        { kid: 'k_1', tokens: 1, documents: 0 },
      ]);
      for (const { clientId } of rows) await store.deleteToken(clientId, 'x');
    }
  }),
);

t.test('has one row of each name, and one change of each number', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await store.putToken({ clientId: 'acme', tokenType: 'ozon', token: 'one' });
    await store.editDocument('app', 'orders', writing('orders', 'x'));
    await store.putReplica({ id: 'a', beat: 1, kid: 'k1', body: 'x', mac: 'bWFj' });
    await store.putKeyUses([{ hash: 'a', day: '2026-11-27' }]);
    const again = {
      storage: "VALUES ('acme', 'ozon', 'two')",
      documents: "VALUES ('app', 'orders', 9, 'k1', 'y', 'bWFj')",
      change_counter: 'VALUES (1, 9)',
      change_history: "VALUES (1, 'other')",
      changes: "VALUES (1, 'app', 'orders', NULL)",
      schema_migrations: "VALUES ('0001_initial', 9, NULL)",
      schema_lock: "VALUES (1, 'me', 9)",
      replicas: "VALUES ('a', 9, 'k1', 'y', 'bWFj', 9)",
      key_uses: "VALUES ('a', '2026-11-28')",
    };
    for (const [table, row] of Object.entries(again)) {
      await t.rejects(execute(`INSERT INTO ${table} ${row}`), /duplicate|unique/i, table);
    }
  }),
);

t.test('says that the schema is missing', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore({ migrated: false });
    const missing = { kind: 'table_missing', message: /migrations must be applied/ };
    const row = { clientId: 'acme', tokenType: 'ozon', token: 'x' };
    await t.rejects(store.findTokens('acme', 'ozon'), missing);
    await t.rejects(collect(store.listTokens()), missing);
    await t.rejects(store.putToken(row), missing);
    await t.rejects(store.deleteToken('acme', 'ozon'), missing);
    await t.rejects(store.documents(), missing);
    await t.rejects(store.editDocument('app', 'shop', removing), missing);
    await t.rejects(store.lastSeq(), missing);
    await t.rejects(store.changesSince(0), missing);
    await t.rejects(store.needsKeyring(), missing);
    await store.migrate();
    t.equal(await store.lastSeq(), 0, 'and works once it is there');
  }),
);

t.test('refuses everything once closed', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.close();
    await t.rejects(store.lastSeq(), { name: 'StoreError', message: /is closed/ });
    await t.rejects(store.documents(), { name: 'StoreError', message: /is closed/ });
    await t.resolves(store.close(), 'and may be closed twice');
  }),
);

t.test('says what and where it is', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore({ tokenTable: 'tokens_1' });
    t.match(
      store.description,
      /^(?:mysql:\/\/127\.0\.0\.1:\d+\/test_\w+|sqlite \/.*), table tokens_1$/,
    );
    await store.putToken({ clientId: 'acme', tokenType: 'ozon', token: 'x' });
    t.equal((await store.findTokens('acme', 'ozon')).length, 1);
  }),
);

t.test('refuses names for the token table that are not plain or already taken', (t) =>
  eachStore(t, async (t, openStore) => {
    for (const tokenTable of [
      '',
      '1a',
      'a b',
      'a`b',
      'a;b',
      'a.b.c',
      'таблица',
      'Documents',
      'x'.repeat(65),
    ]) {
      await t.rejects(
        openStore({ tokenTable }),
        { name: 'StoreError', kind: 'table_name_invalid' },
        tokenTable,
      );
    }
  }),
);

t.test('a new history begins above every number that counts, and forgets changes', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const { history } = await store.position();
    await store.editDocument('app', 'a', writing('a', 'x'));
    t.same(await store.position(), { history, seq: 1 });
    t.same(await store.newHistory('other', 1_000), { history: 'other', seq: 1_000 });
    t.same(await store.position(), { history: 'other', seq: 1_000 });
    t.same(await store.changesSince(0), []);
    await store.editDocument('app', 'a', writing('a', 'y'));
    t.match(await store.documents(), [{ revision: 1_001 }]);
    t.same(await store.newHistory('third', 7), { history: 'third', seq: 1_002 });
    for (const sql of [
      'UPDATE change_counter SET seq = 9223372036854775807',
      "INSERT INTO changes VALUES (9223372036854775806, 'app', 'x', NULL)",
      'DELETE FROM change_history',
    ]) {
      await execute(sql);
    }
    t.same(await store.newHistory('mended', 7), { history: 'mended', seq: 1_002 });
    await execute('DELETE FROM change_history');
    t.same(await store.position(), { history: '', seq: 1_002 });
    await execute('DELETE FROM change_counter');
    await t.rejects(store.position(), { kind: 'failed', message: /change_counter is missing/ });
    t.same(await store.newHistory('again', 7), { history: 'again', seq: 1_002 });
  }),
);

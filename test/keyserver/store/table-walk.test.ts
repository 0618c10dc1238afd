import t from 'tap';
import type { PlacedToken, Store, TokenRow } from '../../../keyserver/store/store.ts';
import { parseTableName } from '../../../keyserver/store/table-name.ts';
import { eachStore } from '../../support/database.ts';

/** Shapes that an earlier table can have, by their primary key; undefined: the table of the migrations. */
const mysqlShapes: Readonly<Record<string, string | undefined>> = {
  own: undefined,
  number:
    'id INT AUTO_INCREMENT PRIMARY KEY, client_id BIGINT, token_type VARCHAR(50), token TEXT, KEY (client_id)',
  'names of a blind collation':
    'client_id VARCHAR(50) COLLATE utf8mb4_general_ci, token_type VARCHAR(50), token TEXT, PRIMARY KEY (token_type, client_id)',
  'numbers of clients':
    'client_id BIGINT, token_type VARCHAR(50), token TEXT, PRIMARY KEY (client_id, token_type)',
  decimal:
    'id DECIMAL(30,20) PRIMARY KEY DEFAULT RAND(), client_id INT, token_type VARCHAR(50), token TEXT',
  'names that an index has':
    'client_id VARCHAR(50), token_type VARCHAR(50), token TEXT, KEY (client_id, token_type)',
  'an index that begins with another column':
    'shop INT, client_id VARCHAR(50), token_type VARCHAR(50), token TEXT, KEY (shop, client_id), KEY (client_id, shop)',
  'types that an index cannot compare':
    "client_id DECIMAL(20), token_type ENUM('ozon', 'wildberries'), token TEXT, PRIMARY KEY (client_id, token_type)",
  'a unique key, and an index of hashes':
    'client_id INT NOT NULL, token_type VARCHAR(50) NOT NULL, token TEXT, KEY (token(9)), UNIQUE (token_type, client_id)',
  none: 'client_id VARCHAR(50), token_type VARCHAR(50), token TEXT',
};
const sqliteShapes: Readonly<Record<string, string | undefined>> = {
  own: undefined,
  number: 'id INTEGER PRIMARY KEY, client_id INTEGER, token_type TEXT, token TEXT',
  'names of a blind collation':
    'client_id TEXT COLLATE NOCASE, token_type TEXT, token TEXT, PRIMARY KEY (token_type, client_id)',
  'numbers of clients':
    'client_id INT, token_type TEXT, token TEXT, PRIMARY KEY (client_id, token_type)',
  none: 'client_id, token_type, token',
};
const types = ['ozon', 'wildberries'];
const clients = Array.from({ length: 601 }, (_, i) => String(i * 7));

async function pages(store: Store): Promise<(readonly PlacedToken[])[]> {
  const found: (readonly PlacedToken[])[] = [];
  for await (const page of store.tokenPages()) found.push(page);
  return found;
}

const unfit = { name: 'StoreError', kind: 'row_unfit' };

const name = ({ clientId, tokenType }: TokenRow) => `${clientId} ${tokenType}`;

t.test('walks over every row once, and swaps exact bytes, whatever the key', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const shapes = t.name === 'mysql' ? mysqlShapes : sqliteShapes;
    for (const [i, [title, columns]] of Object.entries(shapes).entries()) {
      await t.test(title, async (t) => {
        // As long as a name may be.
        const longName = `shape${i}_`.padEnd(64, 'x');
        const tokenTable = columns === undefined ? 'storage' : longName;
        if (columns !== undefined) await execute(`CREATE TABLE ${tokenTable} (${columns})`);
        const store = await openStore({ tokenTable });
        const rows = types.flatMap((type) => clients.map((client) => [client, type]));
        const values = rows.map(([client, type]) => `('${client}', '${type}', 'Old${client}==')`);
        await execute(
          `INSERT INTO ${tokenTable} (client_id, token_type, token) VALUES ${values.join(', ')}`,
        );
        const walked = await pages(store);
        t.same(
          walked.map((page) => page.length),
          [500, 500, 202],
        );
        const all = walked.flat();
        t.equal(new Set(all.map(name)).size, 1202);
        const { seq } = await store.position();
        const copy = await store.createLegacyCopy();
        t.equal(await store.createLegacyCopy(), copy, 'a second run finds it');
        t.equal(copy, parseTableName(tokenTable, { withDatabase: false }).legacyCopy.name);

        const page = walked[1] ?? [];
        const [first, second, third] = page as [PlacedToken, PlacedToken, PlacedToken];
        await store.copyTokens([third]);
        // Equal under a blind collation, and other bytes.
        await execute(
          `UPDATE ${tokenTable} SET token = UPPER(token) WHERE client_id = '${second.clientId}' AND token_type = '${second.tokenType}'`,
        );
        const swaps = page.map((row) => ({ row, token: `skt1.k.${row.clientId}` }));
        const swapped = await store.swapTokens(swaps, { keepsOld: true });
        t.same(
          swapped,
          page.map((row) => row !== second),
        );
        t.same(
          await store.swapTokens(swaps, { keepsOld: true }),
          page.map(() => false),
          'not twice',
        );
        const after = new Map((await pages(store)).flat().map((row) => [name(row), row.token]));
        for (const row of all) {
          const expected =
            row === second
              ? row.token.toUpperCase()
              : page.includes(row)
                ? `skt1.k.${row.clientId}`
                : row.token;
          if (after.get(name(row)) !== expected) t.fail(`${name(row)}: ${after.get(name(row))}`);
        }
        t.equal(after.size, 1202);
        t.same(await store.copiedTokens([first, second, third]), [
          first.token,
          undefined,
          third.token,
        ]);
        await store.copyTokens([{ ...first, token: 'older' }]);
        t.same(await store.copiedTokens([first]), [first.token], 'a copy stays');
        t.same(await store.position(), { ...(await store.position()), seq }, 'nothing to announce');
      });
    }
  }),
);

t.test('names of several rows are told, and no copy replaces another', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE doubled (client_id VARCHAR(9), token_type VARCHAR(9), token VARCHAR(20))',
    );
    const store = await openStore({ tokenTable: 'doubled' });
    t.same(await store.repeatedTokens(9), []);
    await execute(
      "INSERT INTO doubled VALUES ('a', 'x', 'old'), ('a', 'x', 'old'), ('A', 'x', 'old'), ('a', 'y', 'old'), " +
        "(NULL, 'x', 'old'), (NULL, 'x', 'old'), ('b', 'x', 'one'), ('b', 'x', 'two')",
    );
    t.same(
      new Set((await store.repeatedTokens(9)).map(({ clientId }) => clientId)),
      new Set(['a', 'b']),
    );
    t.equal((await store.repeatedTokens(1)).length, 1);
    t.same((await store.clients()).sort(), ['A', 'a', 'b']);
    t.equal(await store.maxTokenChars(), t.name === 'mysql' ? 20 : undefined);
    const swapsOf = async (client: string) =>
      (await pages(store))
        .flat()
        .filter(({ clientId, tokenType }) => clientId === client && tokenType === 'x')
        .map((row) => ({ row, token: 'new' }));
    const tokensOf = async (client: string) =>
      (await swapsOf(client)).map(({ row }) => row.token).sort();
    await store.createLegacyCopy();
    const swaps = await swapsOf('b');
    t.same(await store.swapTokens(swaps, { keepsOld: true }), [false, false]);
    const one = swaps.map(({ row }) => row).filter(({ token }) => token === 'one');
    await store.copyTokens(one);
    await store.swapTokens(swaps, { keepsOld: true });
    t.same(await tokensOf('b'), ['new', 'two'], 'only the row that the copy has');
    t.match(await store.copiedTokens(one), ['one']);
    await store.swapTokens(await swapsOf('a'), { keepsOld: false });
    t.same(await tokensOf('a'), ['new', 'new'], 'rows that are alike hold the same secret');
  }),
);

t.test('a token that the column gives back otherwise is not swapped in', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute('CREATE TABLE numbers (client_id INT, token_type VARCHAR(9), token BIGINT)');
    await execute("INSERT INTO numbers VALUES (1, 'x', 42)");
    const store = await openStore({ tokenTable: 'numbers' });
    const [row] = (await pages(store)).flat();
    const swap = [{ row: row as PlacedToken, token: '043' }];
    await t.rejects(store.swapTokens(swap, { keepsOld: false }), unfit);
    t.match((await pages(store)).flat(), [{ token: '42' }]);
  }),
);

t.test('rows that share a place, and rows without one, are each read once', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    for (const [i, index] of ['', ', KEY (client_id)', ', KEY (client_id, token_type)'].entries()) {
      if (t.name === 'sqlite' && index !== '') continue;
      const tokenTable = `shared${i}`;
      await execute(
        `CREATE TABLE ${tokenTable} (client_id VARCHAR(9), token_type VARCHAR(9), token TEXT${index})`,
      );
      const names = ["'a', 'x'", "'b', 'x'", "NULL, 'x'", "'c', NULL", 'NULL, NULL'];
      const values = names.flatMap((name, of) =>
        Array.from({ length: 520 }, (_, n) => `(${name}, '${of}-${n}')`),
      );
      await execute(`INSERT INTO ${tokenTable} VALUES ${values.join(', ')}`);
      const store = await openStore({ tokenTable });
      const tokens = (await pages(store)).flat().map(({ token }) => token);
      t.equal(tokens.length, values.length, index);
      t.equal(new Set(tokens).size, values.length, index);
    }
  }),
);

t.test('tells the index that a table lacks', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const advice = {
      'client_id VARCHAR(50)': 'CREATE INDEX by_client ON `lacks0` (client_id)',
      'client_id VARCHAR(50) PRIMARY KEY': undefined,
      'client_id TEXT':
        'ALTER TABLE `lacks2` ADD COLUMN row_id BIGINT NOT NULL AUTO_INCREMENT UNIQUE',
      'client_id VARCHAR(1020) CHARACTER SET utf8mb4':
        'ALTER TABLE `lacks3` ADD COLUMN row_id BIGINT NOT NULL AUTO_INCREMENT UNIQUE',
      "client_id ENUM('1', '2') PRIMARY KEY":
        'ALTER TABLE `lacks4` ADD COLUMN row_id BIGINT NOT NULL AUTO_INCREMENT UNIQUE',
      'client_id DATE PRIMARY KEY':
        'ALTER TABLE `lacks5` ADD COLUMN row_id BIGINT NOT NULL AUTO_INCREMENT UNIQUE',
      'client_id DECIMAL(20) PRIMARY KEY': undefined,
    };
    for (const [i, [client, statement]] of Object.entries(advice).entries()) {
      if (t.name === 'sqlite' && /ENUM|CHARACTER/.test(client)) continue;
      await execute(`CREATE TABLE lacks${i} (${client}, token_type VARCHAR(50), token TEXT)`);
      const store = await openStore({ tokenTable: `lacks${i}` });
      t.equal(await store.missingIndex(0), undefined, 'an empty table needs none');
      const value = client.includes('DATE') ? '2026-11-28' : '1';
      await execute(`INSERT INTO lacks${i} VALUES ('${value}', 'x', 'y')`);
      t.equal(await store.missingIndex(0), t.name === 'mysql' ? statement : undefined, client);
      t.equal(await store.missingIndex(1), undefined, 'nor a small one');
      if (statement === undefined || t.name === 'sqlite') continue;
      await execute(statement);
      t.equal(await store.missingIndex(0), undefined, 'the statement helps');
      t.match(await pages(store), [[{ clientId: value }]]);
      await store.close();
    }
  }),
);

t.test('a view is read, too', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE base (client_id VARCHAR(9), token_type VARCHAR(9), token VARCHAR(20))',
    );
    await execute("INSERT INTO base VALUES ('a', 'x', 'one'), ('b', 'x', 'two')");
    await execute('CREATE VIEW seen AS SELECT * FROM base');
    const store = await openStore({ tokenTable: 'seen' });
    t.match(await pages(store), [[{ token: 'one' }, { token: 'two' }]]);
  }),
);

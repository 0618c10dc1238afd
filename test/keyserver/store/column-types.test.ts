import t from 'tap';
import type { Store } from '../../../keyserver/store/store.ts';
import { isStoreError } from '../../../keyserver/store/store-error.ts';
import { eachStore } from '../../support/database.ts';

/** Names that a type may take for each other, or cannot hold. */
const names = ['42', '042', '4.50', 'shop', 'SHOP', 'shop ', '9007199254740993'];
const all = names;
const others = (...excluded: string[]) => names.filter((name) => !excluded.includes(name));

/** Types of the key columns, and the names that they give back as they were stored. */
const mysqlTypes: Readonly<Record<string, readonly string[]>> = {
  INT: ['42'],
  BIGINT: ['42', '9007199254740993'],
  'DECIMAL(30)': ['42', '9007199254740993'],
  'DECIMAL(30,2)': ['4.50'],
  DOUBLE: ['42'],
  DATE: [],
  "ENUM('42', 'shop')": ['42', 'shop'],
  'CHAR(30)': others('shop '),
  'CHAR(30) CHARACTER SET latin1': others('shop '),
  'VARCHAR(30) COLLATE utf8mb4_bin': all,
  'VARCHAR(30) COLLATE utf8mb4_general_ci': all,
  'VARBINARY(30)': all,
  'BINARY(16)': ['9007199254740993'],
  'VARCHAR(4)': ['42', '042', '4.50', 'shop', 'SHOP'],
  TEXT: all,
  BLOB: all,
};

/** By affinity. */
const sqliteTypes: Readonly<Record<string, readonly string[]>> = {
  INTEGER: ['42', 'shop', 'SHOP', 'shop ', '9007199254740993'],
  NUMERIC: ['42', 'shop', 'SHOP', 'shop ', '9007199254740993'],
  REAL: ['shop', 'SHOP', 'shop '],
  'VARCHAR(4)': all,
  'TEXT COLLATE NOCASE': all,
  'TEXT COLLATE RTRIM': all,
  BLOB: all,
  '': all,
};

/** Puts, replaces, finds and deletes a token of this name; false if the table refuses it. */
async function goesAround(store: Store, name: string, key: string): Promise<boolean> {
  const row =
    key === 'client_id'
      ? { clientId: name, tokenType: 'ozon', token: 'skt1.first' }
      : { clientId: 'ozon', tokenType: name, token: 'skt1.first' };
  const { clientId, tokenType } = row;
  try {
    t.equal(await store.putToken(row), false, 'inserts');
  } catch (error) {
    if (!isStoreError(error, 'row_unfit')) throw error;
    t.equal(error.message.includes('skt1'), false);
    t.same(await store.findTokens(clientId, tokenType), []);
    t.equal(await store.deleteToken(clientId, tokenType), false);
    return false;
  }
  const second = { ...row, token: 'skt1.second' };
  t.equal(await store.putToken(second), true, `${name} is replaced`);
  t.same(await store.findTokens(clientId, tokenType), [second], `${name} is one row`);
  const [alone, none] = await Promise.all([
    store.findTokens(clientId, tokenType),
    store.findTokens('nobody', 'nothing'),
  ]);
  t.same([alone, none], [[second], []], 'also asked for beside another');
  const listed = [];
  for await (const one of store.listTokens()) listed.push(one);
  t.same(listed, [second]);
  t.equal(await store.deleteToken(clientId, tokenType), true);
  return true;
}

t.test('a table of any column types stores a name as it is, or refuses it', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const types = t.name === 'mysql' ? mysqlTypes : sqliteTypes;
    let n = 0;
    for (const key of ['client_id', 'token_type']) {
      const other = key === 'client_id' ? 'token_type' : 'client_id';
      for (const [type, expected] of Object.entries(types)) {
        n += 1;
        await execute(`CREATE TABLE kinds${n} (${key} ${type}, ${other} VARCHAR(99), token TEXT)`);
        const store = await openStore({ tokenTable: `kinds${n}` });
        const taken: string[] = [];
        for (const name of names) if (await goesAround(store, name, key)) taken.push(name);
        t.same(taken, expected, `${key} ${type}`);
        await store.close();
      }
    }
  }),
);

t.test('no name is stored over that of another client', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE numbers (client_id BIGINT, token_type VARCHAR(9), token TEXT, UNIQUE (client_id, token_type))',
    );
    const store = await openStore({ tokenTable: 'numbers' });
    const right = { clientId: '42', tokenType: 'ozon', token: 'right' };
    await store.putToken(right);
    for (const clientId of ['042', '42.0', '4.2e1', ' 42', '+42']) {
      await t.rejects(store.putToken({ ...right, clientId, token: 'wrong' }), {
        name: 'StoreError',
        kind: 'row_unfit',
      });
      t.equal(await store.deleteToken(clientId, 'ozon'), false, clientId);
      t.same(await store.findTokens(clientId, 'ozon'), []);
    }
    t.same(await store.findTokens('42', 'ozon'), [right]);
    t.equal(await store.lastSeq(), 1);
  }),
);

t.test('no token is stored that the column would give back otherwise', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE rewriting (client_id VARCHAR(9), token_type VARCHAR(9), token BIGINT)',
    );
    const store = await openStore({ tokenTable: 'rewriting' });
    const row = { clientId: 'acme', tokenType: 'ozon', token: '42' };
    const rewritten = { ...row, token: '042' };
    const refused = { name: 'StoreError', kind: 'row_unfit', message: /give this name or token/ };
    await t.rejects(store.putToken(rewritten), refused);
    t.same(await store.findTokens('acme', 'ozon'), []);
    await store.putToken(row);
    await t.rejects(store.putToken(rewritten), refused);
    t.same(await store.findTokens('acme', 'ozon'), [row], 'the one before stays');
    t.equal(await store.lastSeq(), 1);
  }),
);

t.test('rows of the earlier system are listed and found by their numbers', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute('CREATE TABLE numbers (client_id INT, token_type VARCHAR(9), token TEXT)');
    for (const id of [7, 1000, 42]) {
      await execute(`INSERT INTO numbers VALUES (${id}, 'ozon', 'of ${id}')`);
    }
    const store = await openStore({ tokenTable: 'numbers' });
    const listed: string[] = [];
    for await (const { clientId, token } of store.listTokens()) listed.push(`${clientId} ${token}`);
    t.same(listed.sort(), ['1000 of 1000', '42 of 42', '7 of 7']);
    t.match(await store.findTokens('1000', 'ozon'), [{ token: 'of 1000' }]);
    t.same(await store.findTokens('1e3', 'ozon'), []);
    t.equal(await store.putToken({ clientId: '7', tokenType: 'ozon', token: 'new' }), true);
  }),
);

t.test('a column that nobody fills is named', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const keys = 'client_id VARCHAR(99), token_type VARCHAR(99), token TEXT';
    await execute(`CREATE TABLE demanding (${keys}, shop_name VARCHAR(9) NOT NULL)`);
    await execute(
      `CREATE TABLE modest (id INTEGER PRIMARY KEY ${t.name === 'mysql' ? 'AUTO_INCREMENT' : ''}, ` +
        `${keys}, a VARCHAR(9) NULL, b VARCHAR(9) NOT NULL DEFAULT '', c INT NOT NULL DEFAULT 0, ` +
        // MariaDB takes no NOT NULL of a generated column.
        `d INT ${t.name === 'mysql' ? '' : 'NOT NULL'} GENERATED ALWAYS AS (c + 1))`,
    );
    const demanding = await openStore({ tokenTable: 'demanding' });
    const modest = await openStore({ tokenTable: 'modest' });
    const row = { clientId: 'acme', tokenType: 'ozon', token: 'x' };
    await t.rejects(demanding.putToken(row), { kind: 'row_unfit', message: /column shop_name/ });
    t.match(await demanding.tokenTableFindings(), [
      { severity: 'fault', message: /column shop_name must have a value/ },
    ]);
    t.equal(await modest.putToken(row), false);
    t.same(await modest.tokenTableFindings(), []);
  }),
);

t.test('columns that are missing, or hold no text, are findings', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute('CREATE TABLE odd (client_id INT, token DOUBLE)');
    const odd = await openStore({ tokenTable: 'odd' });
    t.match(await odd.tokenTableFindings(), [
      { severity: 'warning', message: /column client_id is INT.*only names that this type/ },
      { severity: 'fault', message: /has no column token_type/ },
      { severity: 'fault', message: /column token is DOUBLE/ },
    ]);
    const own = await openStore();
    t.same(await own.tokenTableFindings(), []);
  }),
);

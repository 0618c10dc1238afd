import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { sqliteError } from '../../../../keyserver/store/sqlite/errors.ts';

/** The error of a statement, as the store gives it. */
function errorOf(statement: string, ...before: string[]): unknown {
  const database = new DatabaseSync(':memory:');
  try {
    for (const one of before) database.exec(one);
    database.exec(statement);
  } catch (error) {
    return sqliteError(error);
  } finally {
    database.close();
  }
  return undefined;
}

t.test('says what is wrong in words that name columns and quote no value', async (t) => {
  const table = 'CREATE TABLE storage (client_id INTEGER NOT NULL UNIQUE, token TEXT) STRICT';
  for (const [kind, message, statement] of [
    [
      'row_unfit',
      /^The column client_id .* must have a value/,
      "INSERT INTO storage (token) VALUES ('secret')",
    ],
    [
      'row_unfit',
      /^The column client_id .* cannot hold this value/,
      "INSERT INTO storage VALUES ('secret', 'x')",
    ],
    [
      'row_unfit',
      /^The token table has a constraint/,
      "INSERT INTO storage VALUES (1, 'secret'), (1, 'secret')",
    ],
    ['table_missing', /^The schema is missing/, 'SELECT * FROM secret'],
    ['failed', /^A table lacks a column/, 'SELECT secret FROM storage'],
    ['failed', /^A table lacks a column/, 'INSERT INTO storage (secret) VALUES (1)'],
    ['failed', /^The database failed/, "SELECT json('secret')"],
  ] as const) {
    const error = errorOf(statement, table) as Error;
    t.match(error, { name: 'StoreError', kind, message });
    t.match(error.message, /\(SQLite \d+\)$/);
    t.notMatch(error.message, 'secret');
  }
});

t.test('says that there is no room, whatever could not grow', async (t) => {
  const full = errorOf(
    'INSERT INTO big VALUES (randomblob(100000))',
    'CREATE TABLE big (a)',
    'PRAGMA max_page_count = 4',
  );
  t.match(full, { kind: 'no_room', message: /^The disk is full/ });
  // SQLITE_IOERR_SHMSIZE, which reading gives as well.
  const sharing = Object.assign(new Error('disk I/O error'), { errcode: 4874 });
  t.match(sqliteError(sharing), { kind: 'no_room', message: /^The disk is full, or failed/ });
});

t.test(
  'knows errors of the file system, and leaves what is no error of the database',
  async (t) => {
    const missing = Object.assign(new Error('open'), { code: 'ENOENT' });
    t.match(sqliteError(missing), {
      ...{ name: 'StoreError', kind: 'failed', cause: missing },
      message: 'The database file cannot be opened (ENOENT)',
    });
    const others = [
      new TypeError('a bug'),
      Object.assign(new Error(), { code: 'ERR_X' }),
      'no error',
    ];
    for (const other of others) t.equal(sqliteError(other), other);
  },
);

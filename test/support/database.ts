import { appendFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import mariadb, { type Connection } from 'mariadb';
import t, { type Test } from 'tap';
import { type MysqlStoreOptions, openMysqlStore } from '../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../keyserver/store/store.ts';
import { ask, type MysqlTestServer, type ServerControl, startServer } from './mysql-server.ts';

export interface OpenOptions {
  /** Default `storage`. */
  readonly tokenTable?: string;
  /** False: without a schema. */
  readonly migrated?: boolean;
}

/** Opens a store on the test's own database: always the same one. It is closed after the test. */
export type OpenStore = (options?: OpenOptions) => Promise<Store>;

/** Runs SQL on the test's database, past the store. */
export type Execute = (sql: string) => Promise<void>;

/** Generous: a busy machine shall not fail a test that is not about time. */
export const testTimeoutMs = 5000;

let shared: Promise<MysqlTestServer> | undefined;

/** This process's server, started when first asked for and ended after the last test. */
export function sharedServer(): Promise<MysqlTestServer> {
  shared ??= startServer().then((server) => {
    t.teardown(() => server.dispose());
    return server;
  });
  return shared;
}

/** A test that stops the {@link sharedServer}; skipped if it is one of `TEST_DATABASE_URL`. */
export async function outageTest(
  parent: Test,
  title: string,
  body: (test: Test, control: ServerControl) => Promise<void>,
): Promise<void> {
  const { control } = await sharedServer();
  const skip = control === undefined && 'the server of TEST_DATABASE_URL is not ours to stop';
  await parent.test(title, { skip }, (test) => body(test, control as ServerControl));
}

/** Options for a store in a new, empty database of the {@link sharedServer}. */
export async function scratchDatabase(test: Test): Promise<MysqlStoreOptions> {
  const server = await sharedServer();
  noteDatabase(test, server.description);
  return {
    ...server.address,
    database: await server.createDatabase(),
    allowPublicKeyRetrieval: true,
    tokenTable: 'storage',
    timeoutMs: testTimeoutMs,
  };
}

/** A connection of its own to the database, past the store; it ends after the test. */
export async function rawConnection(test: Test, options: MysqlStoreOptions): Promise<Connection> {
  const { host, port, user, password, database } = options;
  const connection = await mariadb.createConnection({
    host,
    port,
    user,
    password,
    database,
    allowPublicKeyRetrieval: true,
  });
  test.teardown(() => connection.end());
  return connection;
}

/** Path for a new SQLite file in the test's own folder. */
export function scratchFile(test: Test): string {
  return join(test.testdir({}), 'store.db');
}

/** Runs the same test on a MySQL-protocol server and on SQLite, each with a database of its own. */
export async function eachStore(
  parent: Test,
  body: (test: Test, openStore: OpenStore, execute: Execute) => Promise<void>,
): Promise<void> {
  await parent.test('mysql', async (test) => {
    const options = await scratchDatabase(test);
    await body(
      test,
      opener(test, (tokenTable) => openMysqlStore({ ...options, tokenTable })),
      async (sql) => {
        await ask(options, sql);
      },
    );
  });
  await parent.test('sqlite', async (test) => {
    noteDatabase(test, `SQLite ${process.versions.sqlite}, embedded`);
    const file = scratchFile(test);
    await body(
      test,
      opener(test, (tokenTable) => openSqliteStore({ file, tokenTable, timeoutMs: testTimeoutMs })),
      async (sql) => {
        const database = new DatabaseSync(file);
        database.exec(sql);
        database.close();
      },
    );
  });
}

function opener(test: Test, open: (tokenTable: string) => Store): OpenStore {
  return async ({ tokenTable = 'storage', migrated = true } = {}) => {
    const store = open(tokenTable);
    test.teardown(() => store.close());
    if (migrated) await store.migrate();
    return store;
  };
}

/** Says which database a suite runs on, to whoever reads its output and to test/run.ts. */
function noteDatabase(test: Test, description: string): void {
  test.comment(`database: ${description}`);
  const log = process.env.TEST_DATABASE_LOG;
  const suite = relative(resolve(import.meta.dirname, '../..'), process.argv[1] ?? '');
  if (log) appendFileSync(log, `${suite}\t${description}\n`);
}

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Test } from 'tap';
import type { PrintedCheck } from '../../keyserver/admin/commands/doctor.ts';
import { runAdmin } from '../../keyserver/admin/program.ts';
import { type Keyring, loadKeyring } from '../../keyserver/keys/keyring.ts';
import { openMysqlStore } from '../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../keyserver/store/store.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { type Execute, scratchDatabase, testTimeoutMs } from '../support/database.ts';
import { ask } from '../support/exchange-client.ts';
import { writeKeyFolder } from '../support/key-folders.ts';
import {
  startKeyserver,
  type TestKeyserver,
  type TestKeyserverOptions,
} from '../support/keyserver.ts';
import { ask as query } from '../support/mysql-server.ts';
import { mysqlSettings } from '../support/pair-state.ts';
import { loopback, type ProxyAnswer, startProxy } from '../support/proxy.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

/** A database whose user plays against a pair that stands on it. */
export interface Stage {
  readonly place: 'mysql' | 'sqlite';
  /** Runs SQL as the adversary does. */
  readonly execute: Execute;
  readonly store: Store;
  readonly keyringFolder: string;
  readonly keyring: Keyring;
  /** The outcome of `keyserver-admin doctor`, run as the operator runs it. */
  doctor(): Promise<{ readonly code: number; readonly text: string }>;
  /** Runs another command of the operator's. */
  admin(...argv: string[]): Promise<number>;
}

/** Runs the same play on a MySQL-protocol server and on SQLite. */
export async function eachStage(
  parent: Test,
  play: (test: Test, stage: Stage) => Promise<void>,
): Promise<void> {
  await parent.test('mysql', async (test) => {
    const options = await scratchDatabase(test);
    const execute = async (sql: string) => void (await query(options, sql));
    await play(
      test,
      await stageOn(
        test,
        test.testdir({}),
        'mysql',
        openMysqlStore(options),
        { ...mysqlSettings(options), DB_TIMEOUT_MS: String(options.timeoutMs) },
        execute,
      ),
    );
  });
  await parent.test('sqlite', async (test) => {
    const folder = test.testdir({});
    const file = join(folder, 'store.db');
    const execute = async (sql: string) => {
      const database = new DatabaseSync(file);
      database.exec(sql);
      database.close();
    };
    const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: testTimeoutMs });
    await play(test, await stageOn(test, folder, 'sqlite', store, { DB_FILE: file }, execute));
  });
}

async function stageOn(
  test: Test,
  folder: string,
  place: Stage['place'],
  store: Store,
  settings: Environment,
  execute: Execute,
): Promise<Stage> {
  test.teardown(() => store.close());
  await store.migrate();
  const files = { 'k1.key': randomBytes(32), 'k2.key': randomBytes(32) };
  const keyringFolder = writeKeyFolder(join(folder, 'keyring'), files);
  const run = async (argv: readonly string[]) => {
    let text = '';
    const write = (piece: string) => {
      text += piece;
    };
    const code = await runAdmin(argv, {
      environment: { ...settings, KEYRING_DIR: keyringFolder },
      folder,
      stdin: (async function* () {})(),
      stdinIsTerminal: false,
      writeStdout: write,
      writeStderr: write,
      clock: systemClock,
    });
    return { code, text };
  };
  return {
    place,
    execute,
    store,
    keyringFolder,
    keyring: loadKeyring(keyringFolder),
    async doctor() {
      const { code, text } = await run(['doctor', '--json']);
      const { checks } = JSON.parse(text) as { checks: PrintedCheck[] };
      return { code, text: checks.flatMap(({ findings }) => findings).join('\n') };
    },
    admin: async (...argv) => (await run(argv)).code,
  };
}

/** KeyServer and SecureProxy over a stage's database, and a marketplace. */
export interface Pair {
  readonly keyserver: TestKeyserver;
  readonly upstream: Upstream;
  readonly proxyKey: string;
  /** The key of the app `orders`, which may use everything. */
  readonly appKey: string;
  /** The answers of KeyServer and SecureProxy to one request: status, code and reason, or status alone. */
  answers(
    clientId: string,
    tokenType?: string,
    appKey?: string,
  ): Promise<readonly [string, string]>;
}

/** Starts a pair. If `seeded`, the documents are there already, as at a restart. */
export async function startPairOn(
  test: Test,
  { store, keyringFolder }: Stage,
  {
    seeded,
    ...options
  }: { seeded?: Pair } & Pick<TestKeyserverOptions, 'legacyKey' | 'pollClock'> = {},
): Promise<Pair> {
  const keyserver = await startKeyserver(test, {
    store,
    settings: { ...seeded?.keyserver.settings, KEYRING_DIR: keyringFolder },
    ...options,
  });
  const upstream = seeded?.upstream ?? (await startUpstream(test));
  if (!seeded) await keyserver.putType('test', policyFor(upstream));
  const proxyKey = seeded?.proxyKey ?? (await keyserver.putProxy('edge'));
  const appKey = seeded?.appKey ?? (await keyserver.putApp('orders'));
  const proxy = await startProxy(test, {
    keyserverUrl: keyserver.url,
    proxyKey,
    settings: { TOKEN_CACHE_SECONDS: '0' },
  });
  const target = { method: 'POST', url: `${upstream.url}/v1` };
  return {
    keyserver,
    upstream,
    proxyKey,
    appKey,
    async answers(clientId, tokenType = 'test', app = appKey) {
      const credential = { proxy: proxyKey, app, target };
      const direct = await ask(keyserver, { clientId, tokenType, credential });
      const through = await proxy.call(
        { ClientId: clientId, TokenType: tokenType, ApiUri: target.url },
        { headers: ['authorization', `Bearer ${app}`] },
      );
      return [summary(direct), summary(through)] as const;
    },
  };
}

/** A policy for a plain upstream of this machine. */
export function policyFor({ url }: Upstream) {
  return { destinations: [url], unsafePlaintext: true, unsafeAllowPrivate: loopback };
}

function summary({ status, problem }: Pick<ProxyAnswer, 'status'> & { problem: object }): string {
  const { code, reason } = problem as { code?: string; reason?: string };
  return [status, code, reason].filter((word) => word !== undefined).join(' ');
}

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { openSecret } from '../../../keyserver/at-rest/secret.ts';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { scratchDatabase, testTimeoutMs } from '../../support/database.ts';
import { wildberries } from './installation.ts';
import { runTool, startTool, toolFolder } from './tool-process.ts';

/** Several batches, and more than one transaction takes. */
const rows = 11_000;

interface Place {
  readonly store: Store;
  readonly environment: NodeJS.ProcessEnv;
}

async function sqlite(t: Test, folder: string): Promise<Place> {
  const file = `rows-${randomBytes(4).toString('hex')}.db`;
  const store = openSqliteStore({
    ...{ file: join(folder, file), tokenTable: 'storage', timeoutMs: testTimeoutMs },
  });
  t.teardown(() => store.close());
  return { store, environment: { DB_FILE: file } };
}

async function mysql(t: Test): Promise<Place> {
  const options = await scratchDatabase(t);
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  const { host, port, user, password, database } = options;
  return {
    store,
    environment: {
      ...{ DB_HOST: host, DB_PORT: String(port), DB_NAME: database },
      ...{ DB_USER: user, DB_PASSWORD: password, DB_TIMEOUT_MS: '10000' },
    },
  };
}

async function countTokens(store: Store): Promise<number> {
  let tokens = 0;
  for await (const _ of store.listTokens()) tokens += 1;
  return tokens;
}

/** Starts the tool, and kills it once it has stored some rows; resolves to how many then are there. */
async function killMidway(folder: string, argv: readonly string[], { store, environment }: Place) {
  const before = await countTokens(store);
  const child = startTool(folder, argv, { environment });
  const ended = once(child, 'close');
  child.stdin.end();
  for (let i = 0; i < 12_000 && child.exitCode === null; i += 1) {
    const [one] = await store.findTokens('shop-0', 'wildberries');
    if (one !== undefined && (before === 0 || i > 20)) break;
    await sleep(5);
  }
  child.kill('SIGKILL');
  await ended;
  return countTokens(store);
}

async function checkWhole(t: Test, folder: string, store: Store, secret: string): Promise<void> {
  const keyring = loadKeyring(join(folder, 'keyring'));
  const seen = new Set<string>();
  for await (const row of store.listTokens()) {
    const { fields } = openSecret(keyring, row);
    if (fields.token === `${secret}-${row.clientId}`) seen.add(row.clientId);
  }
  t.equal(seen.size, rows, 'every token is intact');
}

const places = { sqlite, mysql };

/** An import and a restore that are killed midway go on by the same command, on this kind of database. */
export async function killMidways(t: Test, kind: keyof typeof places): Promise<void> {
  const open = places[kind];
  const folder = toolFolder(t);
  writeFileSync(join(folder, '.env'), 'KEYRING_DIR=keyring\n');
  const secret = randomBytes(24).toString('base64url');
  const lines = Array.from({ length: rows }, (_, n) =>
    JSON.stringify({ client: `shop-${n}`, type: 'wildberries', secret: `${secret}-shop-${n}` }),
  );
  writeFileSync(join(folder, 'rows.jsonl'), lines.join('\n'), { mode: 0o600 });
  const importing = ['token', 'import', '--file', 'rows.jsonl', '--json'];
  const place = await open(t, folder);
  const { store, environment } = place;
  for (const argv of [['migrate'], wildberries, ['app', 'create', 'reports']]) {
    t.equal((await runTool(folder, argv, { environment })).code, 0, argv.join(' '));
  }
  const stored = await killMidway(folder, importing, place);
  t.ok(stored > 0 && stored < rows, `${stored} rows were stored when it was killed`);
  // The second and the third at the same time.
  const both = await Promise.all([
    runTool(folder, importing, { environment }),
    runTool(folder, importing, { environment }),
  ]);
  for (const { code, stderr, stdout } of both) {
    t.equal(code, 0, stderr);
    const { added, unchanged } = JSON.parse(stdout);
    t.equal(added + unchanged, rows);
    t.ok(unchanged >= stored);
  }
  await checkWhole(t, folder, store, secret);

  const file = `backup-${kind}`;
  const backedUp = await runTool(folder, ['backup', file], { environment });
  t.equal(backedUp.code, 0, backedUp.stderr);
  const target = await open(t, folder);
  await runTool(folder, ['migrate'], { environment: target.environment });
  const restoring = ['restore', file, '--json'];
  const restored = await killMidway(folder, restoring, target);
  t.ok(restored > 0 && restored < rows, `${restored} rows were restored when it was killed`);
  t.same(await target.store.documents(), [], 'no app may call yet');
  const again = await runTool(folder, restoring, { environment: target.environment });
  t.equal(again.code, 0, again.stderr);
  t.match(JSON.parse(again.stdout), { tokens: rows, documents: 2, broken: 0 });
  await checkWhole(t, folder, target.store, secret);
}

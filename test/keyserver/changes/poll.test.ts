import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ChangePoll } from '../../../keyserver/changes/poll.ts';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { Registry } from '../../../keyserver/registry/registry.ts';
import { openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { Readiness } from '../../../shared/http/health.ts';
import { outageTest, scratchDatabase } from '../../support/database.ts';
import { ticketSession } from '../../support/exchange-client.ts';
import { writeKeyring } from '../../support/key-folders.ts';
import { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { until } from '../../support/until.ts';
import { refusal, type Scene, startScene } from '../scene.ts';

/** A scene that a running link keeps in step with its store. */
async function startLinked(t: Test, store: Store): Promise<Scene> {
  const scene = await startScene(t, { store });
  await scene.keyserver.poll.start();
  return scene;
}

async function isReady({ keyserver }: Scene): Promise<boolean> {
  const response = await fetch(`${keyserver.url}/readyz`);
  const { status } = (await response.json()) as Readiness;
  t.equal(response.status, status === 'ready' ? 200 : 503);
  return status === 'ready';
}

await outageTest(t, 'without its database KeyServer is unready, and heals', async (t, control) => {
  const store = openMysqlStore({ ...(await scratchDatabase(t)), timeoutMs: 500 });
  t.teardown(() => store.close());
  await store.migrate();
  const scene = await startLinked(t, store);
  const session = ticketSession(await scene.ask());
  t.ok(await isReady(scene));
  await control.stop();
  const { answer, problem } = await scene.ask({}, session);
  // The second if the server took long to stop.
  const reason = /^(?:database|documents_unread)$/;
  t.match(problem, { status: 503, code: 'keyserver_unavailable', reason });
  t.equal(answer.headers.get('retry-after'), '1');
  t.notMatch(answer.text, /127\.0\.0\.1|mariadb|ECONN/i, 'nothing of the place shows');
  await pollUntil(
    'unready',
    () => isReady(scene),
    (ready) => !ready,
  );
  t.equal((await fetch(`${scene.keyserver.url}/healthz`)).status, 200, 'but alive');
  t.match(refusal(await scene.ask({}, session)), { code: 'keyserver_unavailable' });
  await control.start();
  await pollUntil('ready again', () => isReady(scene), Boolean);
  t.equal((await scene.ask({}, session)).status, 200);
  const outages = scene.keyserver.log().filter(({ msg }) => msg === 'database unreachable');
  t.equal(outages.length, 1, 'one outage is one line of the log');
});

t.test('a database that is away at start is waited for, and migrated then', async (t) => {
  const folder = join(t.testdir({}), 'later');
  const file = join(folder, 'store.db');
  const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: 500 });
  t.teardown(() => store.close());
  const { logger, lines } = capturedLog('test');
  const keyring = loadKeyring(writeKeyring(join(t.testdirName, 'keyring')));
  const registry = new Registry(store, keyring, logger, systemClock);
  const link = new ChangePoll(store, registry, logger, { migrate: true });
  t.teardown(() => link.stop());
  await link.start();
  t.same(link.readiness(), { status: 'unready', checks: { database: 'unreachable' } });
  const [away] = lines();
  t.match(away, { err: { type: 'StoreError', message: /cannot be opened/ } });
  t.notMatch(JSON.stringify(away), /"stack"/, 'the operator can mend it');
  mkdirSync(folder);
  await pollUntil(
    'ready',
    () => link.readiness(),
    ({ status }) => status === 'ready',
  );
  t.same(await store.pendingMigrations(), []);
  t.match(
    lines().map(({ msg }) => msg),
    ['database unreachable', 'schema migrated', 'database reachable'],
  );
});

t.test('follows changes without being told', async (t) => {
  const file = join(t.testdir({}), 'store.db');
  const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: 500 });
  t.teardown(() => store.close());
  await store.migrate();
  const scene = await startLinked(t, store);
  await store.editDocument('app', 'orders', () => undefined);
  const refused = await pollUntil(
    'revoked',
    () => scene.ask(),
    ({ status }) => status !== 200,
  );
  t.match(refusal(refused), { code: 'caller_unauthenticated', reason: 'app_unknown' });
});

t.test('looks at the database twice a second, also while it is away', async (t) => {
  const folder = t.testdir({});
  const keyring = loadKeyring(writeKeyring(join(folder, 'keyring')));
  for (const isAway of [false, true]) {
    const file = join(folder, isAway ? 'missing' : '', 'store.db');
    const opened = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: 500 });
    t.teardown(() => opened.close());
    let migrations = 0;
    const migrate = () => {
      migrations += 1;
      return opened.migrate();
    };
    const store = { ...opened, migrate };
    const { logger } = capturedLog('test');
    const registry = new Registry(store, keyring, logger, systemClock);
    const pauses: number[] = [];
    const poll = new ChangePoll(store, registry, logger, {
      migrate: true,
      sleep: async (ms) => {
        pauses.push(ms);
        if (pauses.length === 2) void poll.stop();
      },
    });
    await poll.start();
    await until(() => pauses.length === 2);
    t.same(pauses, [500, 500]);
    t.equal(migrations, isAway ? 2 : 1, 'and migrates until it has');
  }
});

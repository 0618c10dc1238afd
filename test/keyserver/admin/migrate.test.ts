import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { MysqlStoreOptions } from '../../../keyserver/store/mysql/mysql.ts';
import { rawConnection, scratchDatabase } from '../../support/database.ts';
import { ask } from '../../support/mysql-server.ts';
import { mysqlSettings } from '../../support/pair-state.ts';
import { Installation, install, wildberries } from './installation.ts';

const down = ['migrate', '--down'];
/** An installation on a server, with one type stored. */
async function installOnServer(t: Test) {
  const options = await scratchDatabase(t);
  const admin = new Installation(t);
  const environment = { ...mysqlSettings(options), DB_FILE: '', DB_TIMEOUT_MS: '1000' };
  await admin.json(['migrate'], { environment });
  await admin.json(wildberries, { environment });
  // Down to the one that documents are lost with.
  for (const _ of ['0004_images', '0003_replicas', '0002_history'])
    await admin.json(down, { environment });
  return { admin, environment, options };
}

const documentCount = (options: MysqlStoreOptions) =>
  ask(options, 'SELECT COUNT(*) AS answer FROM documents');

t.test('keeps the documents if their table is locked when it looks (MariaDB)', async (t) => {
  const { admin, environment, options } = await installOnServer(t);
  const other = await rawConnection(t, options);
  await other.query('LOCK TABLES documents WRITE');
  // Longer than DB_TIMEOUT_MS, so that its first look at the documents times out.
  const locked = sleep(2500).then(() => other.query('UNLOCK TABLES'));
  const failure = await admin.failure(down, { environment });
  await locked;
  // It waits for the lock, and sees them then.
  t.match(failure, { exit: 2, code: 'input_invalid', message: /are stored/, hint: /--force/ });
  t.equal(await documentCount(options), '1');
});

t.test('keeps the documents if it may not read them (MariaDB)', async (t) => {
  const { admin, environment, options } = await installOnServer(t);
  const user = `dropper_${Math.random().toString(36).slice(2, 10)}`;
  await ask(options, `CREATE USER ${user}@'%' IDENTIFIED BY '${user}'`);
  t.teardown(() => ask(options, `DROP USER ${user}@'%'`));
  for (const table of ['schema_migrations', 'schema_lock', 'storage']) {
    await ask(
      options,
      `GRANT SELECT, UPDATE, DELETE, DROP ON ${options.database}.${table} TO ${user}@'%'`,
    );
  }
  for (const table of ['documents', 'changes', 'change_counter']) {
    await ask(options, `GRANT DROP ON ${options.database}.${table} TO ${user}@'%'`);
  }
  const dropper = { ...environment, DB_USER: user, DB_PASSWORD: user };
  t.match(await admin.failure(down, { environment: dropper }), {
    exit: 4,
    code: 'database_unavailable',
    message: /lacks the privilege SELECT on the table documents/,
  });
  t.equal(await documentCount(options), '1');
});

/** Holds the file locked against readers and writers, in a process of its own: waiting blocks this one. */
async function lockFile(file: string): Promise<() => Promise<unknown>> {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { DatabaseSync } from 'node:sqlite';
       const database = new DatabaseSync(${JSON.stringify(file)});
       database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
       database.exec("UPDATE schema_lock SET owner = owner");
       console.log('locked');
       process.stdin.on('end', () => database.close()).resume();`,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  return () => {
    child.stdin.end();
    return once(child, 'exit');
  };
}

t.test('keeps the documents if their file is locked when it looks (SQLite)', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const unlock = await lockFile(join(admin.folder, 'rows.db'));
  const environment = { DB_TIMEOUT_MS: '500' };
  t.match(await admin.failure(down, { environment }), { exit: 4, message: /locked/ });
  await unlock();
  t.match(await admin.json(['type', 'list']), [{ id: 'wildberries' }]);
});

import { randomBytes } from 'node:crypto';
import { createConnection } from 'mariadb';
import t from 'tap';
import { scratchDatabase } from '../../support/database.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { largeFleet, yamlOf } from './fleet.ts';
import { Installation, wildberries } from './installation.ts';

t.test('works on a MySQL-protocol server', async (t) => {
  const { host, port, user, password, database } = await scratchDatabase(t);
  const admin = new Installation(t);
  const environment = {
    ...{ DB_FILE: '', DB_HOST: host, DB_PORT: String(port), DB_NAME: database },
    ...{ DB_USER: user, DB_PASSWORD: password, DB_TIMEOUT_MS: '10000' },
  };
  const run = (argv: readonly string[], stdin = '') => admin.json(argv, { stdin, environment });
  t.match(await admin.failure(['app', 'list'], { environment }), { exit: 4 });
  t.same(await run(['migrate']), {
    applied: ['0001_initial', '0002_history', '0003_replicas', '0004_images'],
  });
  t.match(await run(wildberries), { outcome: 'created' });
  t.match(await run(wildberries), { outcome: 'unchanged' });
  const put = ['token', 'put', '--client', 'магазин', '--type', 'wildberries'];
  t.match(await run(put, 'opaque-words'), { replaced: false });
  t.match(await run(put, 'other-words'), { replaced: true });
  await run(['app', 'create', 'reports']);
  const add = ['grant', 'add', 'reports', '--client', 'маг*', '--type', 'wildberries'];
  t.match(await run(add), { added: true });
  t.match(await run(add), { added: false });
  t.match(await run(['token', 'list']), [{ client: 'магазин', opens: true }]);
  t.match(await run(['doctor']), { ok: true });

  const reader = `reader_${randomBytes(4).toString('hex')}`;
  const connection = await createConnection({ host, port, user, password, database });
  t.teardown(() => connection.end());
  await connection.query(`CREATE USER ${reader} IDENTIFIED BY '${password}'`);
  await connection.query(`GRANT SELECT ON ${database}.* TO ${reader}`);
  t.teardown(() => connection.query(`DROP USER ${reader}`));
  const examined = async (also = {}) =>
    (await admin.run(['doctor'], { environment: { ...environment, ...also } })).stdout;
  const warning =
    /^changes +warning +can be stored\n {2}- The database (user lacks .* UPDATE|is read-only)/m;
  t.match(await examined({ DB_USER: reader }), warning);
  await connection.beginTransaction();
  await connection.query('UPDATE change_counter SET seq = seq');
  const waiting = examined();
  // Killed, since it would wait for a minute.
  const [{ id }] = await pollUntil(
    'doctor waits',
    () =>
      connection.query(
        "SELECT id AS id FROM information_schema.processlist WHERE info LIKE 'UPDATE%' AND db = ?",
        [database],
      ),
    (found) => found.length > 0,
  );
  await connection.query(`KILL QUERY ${id}`);
  t.match(await waiting, /^changes +ok/m, 'a change of others is no fault');
  await connection.rollback();
  for (const [number, said, hint] of [
    [1290, warning, 'name the primary server'],
    [1114, /^database +fault .*\n.* no room left/m, 'make room on the disk'],
  ] as const) {
    await connection.query(
      'CREATE TRIGGER fails BEFORE UPDATE ON change_counter FOR EACH ROW ' +
        `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${number}`,
    );
    t.match(await examined(), said);
    const refused = await admin.failure(['app', 'create', 'late'], { environment });
    t.match(refused, { exit: 4, hint });
    await connection.query('DROP TRIGGER fails');
  }

  const apply = () => run(['apply', '-f', '-'], yamlOf(largeFleet()));
  t.equal((await apply()).changes.length, 10 + 30 + 200 + 2);
  t.same((await apply()).changes, []);
  t.equal(Object.keys((await run(['export'])).apps).length, 30 + 1);

  const wrong = { ...environment, DB_PASSWORD: 'not-the-password', DB_TIMEOUT_MS: '3000' };
  const failure = await admin.failure(['app', 'list'], { environment: wrong });
  t.match(failure, { exit: 4, code: 'database_unavailable', message: /rejects the user/ });
  t.notMatch(JSON.stringify(failure), 'not-the-password');
});

import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { rawConnection, scratchDatabase } from '../../support/database.ts';
import { install, wildberries } from './installation.ts';

const secret = randomBytes(24).toString('base64url');
const restore = ['restore', 'b'];

/** A backup with tokens of these clients, and a server, to be restored to, whose token table ignores case. */
async function beforeBlindTable(t: Test, clients: readonly string[]) {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json(['app', 'create', 'reports']);
  await admin.json(['token', 'import'], {
    stdin: clients
      .map((client) => JSON.stringify({ client, type: 'wildberries', secret }))
      .join('\n'),
  });
  await admin.json(['backup', 'b']);
  const options = await scratchDatabase(t);
  const { host, port, user, password, database } = options;
  const environment = {
    ...{ DB_FILE: '', DB_HOST: host, DB_PORT: String(port), DB_NAME: database },
    ...{ DB_USER: user, DB_PASSWORD: password, DB_TIMEOUT_MS: '10000' },
  };
  const connection = await rawConnection(t, options);
  await connection.query(
    'CREATE TABLE storage (client_id VARCHAR(100) NOT NULL, token_type VARCHAR(50) NOT NULL, ' +
      'token TEXT, PRIMARY KEY (client_id, token_type))',
  );
  await admin.json(['migrate'], { environment });
  return { admin, environment, connection };
}

t.test('tells of names that a table takes for one before it writes any', async (t) => {
  const clients = Array.from({ length: 1000 }, (_, n) => [`shop-${n}`, `SHOP-${n}`]).flat();
  const { admin, environment, connection } = await beforeBlindTable(t, clients);
  t.match(await admin.failure(restore, { environment }), {
    ...{ exit: 2, code: 'input_invalid', message: /If the key ignores case/ },
    hint: /change the table/,
  });
  t.same(await admin.json(['app', 'list'], { environment }), [], 'nobody may call');
  t.same(await admin.json(['token', 'list'], { environment }), []);
  await connection.query('ALTER TABLE storage MODIFY client_id VARBINARY(100) NOT NULL');
  t.match(await admin.json(restore, { environment }), { tokens: 2000, broken: 0 });
});

t.test('a merge tells of a stored name that a table takes for one of the backup', async (t) => {
  const clients = Array.from({ length: 1500 }, (_, n) => `shop-${n}`);
  const { admin, environment, connection } = await beforeBlindTable(t, clients);
  await admin.json(wildberries, { environment });
  for (const client of ['shop-7', 'SHOP-1499']) {
    const put = ['token', 'put', '--client', client, '--type', 'wildberries'];
    await admin.json(put, { environment, stdin: secret });
  }
  const merge = [...restore, '--merge'];
  t.match(await admin.failure(merge, { environment }), {
    ...{ exit: 2, code: 'input_invalid', message: /If the key ignores case/ },
  });
  const listed = await admin.json(['token', 'list'], { environment });
  t.same(
    listed.map(({ client }: { client: string }) => client),
    ['shop-7', 'SHOP-1499'],
    'nothing is written',
  );
  await connection.query("DELETE FROM storage WHERE client_id = 'SHOP-1499'");
  t.match(await admin.json(merge, { environment }), { tokens: 1500 });
});

import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Environment } from '../../../shared/settings/config.ts';
import { rawConnection, scratchDatabase } from '../../support/database.ts';
import { legacyFiles, legacyRow, newLegacyKey } from '../../support/legacy-rows.ts';
import { mysqlSettings } from '../../support/pair-state.ts';
import { Installation, wildberries } from './installation.ts';

const key = newLegacyKey();
const ozon = ['type', 'put', 'ozon', '--destination', 'https://api.example.com'].concat([
  '--header',
  'Client-Id: {clientId}',
  '--header',
  'Api-Key: {apiKey}',
]);

interface Stage {
  readonly admin: Installation;
  readonly environment: Environment;
  /** Runs SQL past the store; resolves to the rows. */
  sql(statement: string): Promise<readonly Record<string, unknown>[]>;
}

/** An earlier table of these rows, in the tool's hands: on MariaDB, and in SQLite. */
async function eachStage(
  t: Test,
  columns: string,
  rows: readonly (readonly [client: string, type: string, token: string])[],
  body: (t: Test, stage: Stage) => Promise<void>,
): Promise<void> {
  const prepare = async ({ admin, environment, sql }: Stage) => {
    await sql(`CREATE TABLE storage (${columns})`);
    for (const row of rows) {
      const values = row.map((value) => (value === '' ? 'NULL' : `'${value}'`));
      await sql(`INSERT INTO storage (client_id, token_type, token) VALUES (${values.join(', ')})`);
    }
    for (const argv of [['migrate'], wildberries, ozon]) await admin.json(argv, { environment });
  };
  await t.test('mysql', async (t) => {
    const admin = new Installation(t);
    const options = await scratchDatabase(t);
    const connection = await rawConnection(t, options);
    await connection.query(`ALTER DATABASE ${options.database} CHARACTER SET utf8mb4`);
    const environment = {
      ...{ DB_FILE: '', DB_TIMEOUT_MS: '10000', ...mysqlSettings(options) },
      ...legacyFiles(join(admin.folder, 'legacy'), key),
    };
    const stage = { admin, environment, sql: (text: string) => connection.query(text) };
    await prepare(stage);
    await body(t, stage);
  });
  await t.test('sqlite', async (t) => {
    const admin = new Installation(t);
    const environment = legacyFiles(join(admin.folder, 'legacy'), key);
    const stage = { admin, environment, sql: async (text: string) => admin.rows(text) };
    await prepare(stage);
    await body(t, stage);
  });
}

const earlierTable = 'client_id VARCHAR(50), token_type VARCHAR(50), token VARCHAR(400)';
const ozonJson = '{"clientId": 4711.50, "apiKey": "made-up"}';

t.test('rows are taken over, and given back as they were', async (t) => {
  const rows = [
    ['shop-1', 'wildberries', legacyRow('made-up-one', key)],
    ['магазин', 'wildberries', legacyRow('made-up-two', key)],
    ['shop-1', 'ozon', legacyRow(ozonJson, key)],
    ['shop-2', 'ozon', legacyRow('{"clientId": {}, "apiKey": "x"}', key)],
    ['shop-3', 'wildberries', legacyRow('made-up', newLegacyKey())],
    ['shop-4', 'wildberries', 'made-up in clear'],
    ['shop-5', 'unheard', legacyRow('made-up', key)],
    ['shop-6', 'wildberries', legacyRow('made-up', key)],
    ['shop-6', 'wildberries', legacyRow('other', key)],
    ['shop-7', 'ozon', legacyRow('no JSON', key)],
    ['shop-8', 'wildberries', legacyRow(Buffer.of(0xff), key)],
    ['', 'wildberries', legacyRow('made-up', key)],
    ['shop-9', 'wildberries', legacyRow('x'.repeat(250), key)],
  ] as const;
  await eachStage(t, earlierTable, rows, async (t, { admin, environment, sql }) => {
    const run = (argv: readonly string[], more: Environment = {}) =>
      admin.run(argv, { environment: { ...environment, ...more } });
    const reasons = async (argv: readonly string[]) => {
      const { code, stdout } = await run([...argv, '--json']);
      t.equal(code, 1);
      const { left, ...report } = JSON.parse(stdout);
      const pairs = left.map(
        ({ reason, names }: { reason: string; names: { client: string }[] }) => [
          reason,
          names.map(({ client }) => client).join(),
        ],
      );
      return { ...report, left: Object.fromEntries(pairs) };
    };
    const before = await sql('SELECT * FROM storage ORDER BY client_id, token_type, token');
    const left = {
      key: 'shop-3',
      form: 'shop-4',
      type_undefined: 'shop-5',
      repeated: 'shop-6,shop-6',
      fields: 'shop-7',
      encoding: 'shop-8',
      name: '',
      ...(t.name === 'mysql' ? { column: 'shop-9' } : {}),
    };
    const long = t.name === 'mysql' ? 0 : 1;
    t.match(await reasons(['legacy', 'check']), {
      sealed: 0,
      ready: 2 + long,
      left: { ...left, json: 'shop-1,shop-2' },
    });
    const check = await run(['legacy', 'check']);
    const advice =
      'no index gives its rows an order, so taking over takes long: CREATE INDEX by_client ON `storage` (client_id)';
    t.equal(check.stdout.includes(advice), t.name === 'mysql');
    t.match(check.stdout, /^ready +ok +[23] rows$/m);
    t.match(check.stdout, '(client "shop-3", type "wildberries")');
    t.match(check.stdout, /^seal what is ready: keyserver-admin legacy take-over$/m);
    const split = await run(['legacy', 'check', '--json-fields']);
    t.match(split.stdout, /^seal what is ready: keyserver-admin legacy take-over --json-fields$/m);
    if (long === 0) t.match(check.stdout, /the column token needs 4\d\d characters: widen it/);
    t.notMatch(check.stdout + check.stderr, /made-up|4711/);
    t.same(await sql('SELECT * FROM storage ORDER BY client_id, token_type, token'), before);

    const taking = ['legacy', 'take-over', '--json-fields'];
    t.match(await reasons(taking), {
      sealed: 3 + long,
      unsettled: 0,
      copy: 'storage_before_takeover',
      left: { ...left, json: 'shop-2' },
    });
    t.match(await reasons(taking), { sealed: 0, copy: null }, 'again: nothing to do');
    t.match(JSON.parse((await run(['token', 'list', '--client', 'shop-1', '--json'])).stdout), [
      { type: 'ozon', legacy: false, opens: true, fields: ['clientId', 'apiKey'] },
      { type: 'wildberries', legacy: false, opens: true, fields: ['token'] },
    ]);
    t.match((await run(['token', 'list'])).stdout, /^магазин +wildberries +first /m);

    const safe = await run(['legacy', 'give-back', '--json']);
    t.match(JSON.parse(safe.stderr), { error: { code: 'input_invalid' } }, 'calls would fail');
    const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
    await admin.run(put, { environment, stdin: 'a newer one' });
    const unsafe = { UNSAFE_LEGACY_ROWS: '1' };
    const back = await run(['legacy', 'give-back', '--json'], unsafe);
    t.match(JSON.parse(back.stdout), {
      restored: 2 + long,
      left: [{ reason: 'changed', rows: 1 }],
    });
    t.equal(back.code, 1);
    const after = await sql('SELECT * FROM storage ORDER BY client_id, token_type, token');
    const isNewer = ({ client_id, token_type }: Record<string, unknown>) =>
      client_id === 'shop-1' && token_type === 'wildberries';
    const others = (list: readonly Record<string, unknown>[]) =>
      list.filter((row) => !isNewer(row));
    t.same(others(after), others(before), 'byte for byte');
    t.match(after.filter(isNewer), [{ token: /^skt1\.first\./ }]);
  });
});

t.test('a table with a column of numbers, a key and more columns', async (t) => {
  const columns =
    'client_id BIGINT NOT NULL, token_type VARCHAR(50) NOT NULL, token TEXT, shop VARCHAR(9), PRIMARY KEY (client_id, token_type)';
  const rows = [
    ['9007199254740993', 'wildberries', legacyRow('made-up', key)],
    ['42', 'wildberries', legacyRow('made-up', key)],
  ] as const;
  await eachStage(t, columns, rows, async (t, { admin, environment, sql }) => {
    await sql("UPDATE storage SET shop = 'kept'");
    const check = await admin.json(['legacy', 'check'], { environment });
    t.match(check, { ready: 2, left: [], columns: [/client_id is BIGINT/] });
    t.match(await admin.json(['legacy', 'take-over'], { environment }), { sealed: 2, left: [] });
    t.match(await admin.json(['token', 'list'], { environment }), [
      { client: '42', opens: true },
      { client: '9007199254740993', opens: true },
    ]);
    t.match(await sql('SELECT shop FROM storage'), [{ shop: 'kept' }, { shop: 'kept' }]);
    const served = { environment: { ...environment, UNSAFE_LEGACY_ROWS: '1' } };
    t.match(await admin.json(['legacy', 'give-back'], served), { restored: 2, left: [] });
    t.match(await sql('SELECT token FROM storage ORDER BY client_id'), [
      { token: rows[1][2] },
      { token: rows[0][2] },
    ]);
  });
});

t.test('says which settings it needs, and that nothing was taken over', async (t) => {
  const admin = new Installation(t);
  await admin.json(['migrate']);
  t.match(await admin.failure(['legacy', 'take-over']), {
    exit: 3,
    code: 'settings_invalid',
    message: /AES_KEY_FILE and AES_IV_FILE must be set/,
  });
  const environment = {
    ...legacyFiles(join(admin.folder, 'legacy'), key),
    UNSAFE_LEGACY_ROWS: '1',
  };
  const { stdout } = await admin.run(['legacy', 'check'], { environment });
  t.match(stdout, /^no row of the earlier system is left$/m);
  t.match(await admin.json(['legacy', 'take-over'], { environment }), { sealed: 0, copy: null });
  await admin.json(wildberries);
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await admin.run(put, { stdin: 'made-up' });
  t.match(await admin.failure(['legacy', 'give-back'], { environment }), {
    exit: 1,
    code: 'not_found',
  });
});

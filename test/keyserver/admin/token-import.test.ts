import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openSecret } from '../../../keyserver/at-rest/secret.ts';
import { type Installation, install, wildberries } from './installation.ts';

/** As a marketplace would generate it. */
const generated = () => randomBytes(24).toString('base64url');
const secret = generated();
const importing = ['token', 'import'];

async function installTypes(t: Parameters<typeof install>[0]): Promise<Installation> {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json([
    ...['type', 'put', 'ozon-seller', '--destination', 'https://api.example.com'],
    ...['--header', 'Client-Id: {clientId}', '--header', 'Api-Key: {apiKey}'],
    ...['--public-field', 'clientId'],
  ]);
  return admin;
}

const jsonLines = (...rows: readonly object[]) =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const shop = (n: number, token = secret) => ({
  client: `shop-${n}`,
  type: 'wildberries',
  secret: token,
});
const shops = (length: number, token?: string) => Array.from({ length }, (_, n) => shop(n, token));

async function stored(t: Parameters<typeof install>[0], admin: Installation) {
  const { store, keyring } = admin.context(t);
  const found: Record<string, object> = {};
  for await (const row of store.listTokens()) {
    found[`${row.clientId} ${row.tokenType}`] = openSecret(keyring, row);
  }
  return found;
}

t.test('imports lines of JSON and CSV alike, from stdin or a file', async (t) => {
  const rows = {
    'shop-1 wildberries': { fields: { token: secret } },
    'магазин "2", b ozon-seller': {
      fields: { clientId: '7', apiKey: `${secret},"x` },
      expiresAt: '2030-01-31T15:00:00.000Z',
    },
    'shop-3 ozon-seller': { fields: { clientId: '8', apiKey: secret } },
  };
  const expires = '2030-01-31T18:00:00+03:00';
  const json = jsonLines(
    shop(1),
    {
      ...{ client: 'магазин "2", b', type: 'ozon-seller', expires },
      secret: { clientId: '7', apiKey: `${secret},"x` },
    },
    {
      ...{ client: 'shop-3', type: 'ozon-seller', expires: '' },
      secret: JSON.stringify({ clientId: '8', apiKey: secret }),
    },
  );
  const csv = [
    'client,type,secret.token,secret.clientId,expires,secret.apiKey',
    `shop-1,wildberries,${secret},,,`,
    `"магазин ""2"", b",ozon-seller,,7,${expires},"${secret},""x"`,
    `shop-3,ozon-seller,,8,,${secret}`,
  ].join('\r\n');
  const bare = `client,type,secret\nshop-1,wildberries,${secret}\n`;
  for (const [what, input, wanted] of [
    ['JSON', json, rows],
    [
      'JSON with a mark, CRLF, empty lines and no last end',
      `\ufeff\r\n${json.replaceAll('\n', '\r\n\r\n').trim()}`,
      rows,
    ],
    ['CSV', csv, rows],
    ['CSV with a mark and an end', `\ufeff${csv}\r\n`, rows],
    ['CSV of bare secrets', bare, { 'shop-1 wildberries': rows['shop-1 wildberries'] }],
  ] as const) {
    const admin = await installTypes(t);
    const count = Object.keys(wanted).length;
    const { code, stdout, stderr } = await admin.run(importing, { stdin: input });
    t.equal(code, 0, `${what}: ${stderr}`);
    t.equal(
      stdout,
      `imported ${count} ${count === 1 ? 'row' : 'rows'}: ${count} added, 0 replaced, 0 unchanged\n`,
    );
    t.same(await stored(t, admin), wanted, what);
    writeFileSync(join(admin.folder, 'rows'), input, { mode: 0o600 });
    const again = await admin.json([...importing, '--file', 'rows']);
    t.match(again, { rows: count, added: 0, replaced: 0, unchanged: count }, 'the same again');
  }
});

t.test('imports fields with names of objects from a CSV', async (t) => {
  const admin = await installTypes(t);
  await admin.json([
    ...['type', 'put', 'odd', '--destination', 'https://api.example.com'],
    ...['--header', 'X-Key: {__proto__}{constructor}'],
  ]);
  const values = [generated(), generated()];
  const csv = `client,type,secret.__proto__,secret.constructor\nshop-1,odd,${values}\n`;
  t.match(await admin.json(importing, { stdin: csv }), { added: 1 });
  const [{ fields = {} }] = Object.values(await stored(t, admin)) as [{ fields?: object }];
  t.strictSame(Object.values(fields).sort(), values.sort());
});

t.test('judges every row before it stores one, and names lines without values', async (t) => {
  const admin = await installTypes(t);
  await admin.json(importing, { stdin: jsonLines(shop(0)) });
  const misplaced = 'misplaced-secret-5d1f';
  const rows: readonly (readonly [string | Buffer, RegExp])[] = [
    [JSON.stringify(shop(1)), /^$/],
    ['{"client"', /it is not a JSON object/],
    ['[1]', /it is not a JSON object/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /it is not text in UTF-8/],
    [JSON.stringify({ ...shop(2), [misplaced]: 1 }), /member 4 is none of client, type, secret/],
    [JSON.stringify({ type: 'wildberries', secret }), /there is no client/],
    [JSON.stringify({ client: 'x', secret }), /there is no type/],
    [JSON.stringify({ ...shop(3), client: 'a\u0007' }), /name of the client has a control/],
    [JSON.stringify({ ...shop(3), client: 'a\u200bb' }), /does not show/],
    [
      JSON.stringify({ ...shop(4), type: misplaced }),
      /the type is none of those that there are: "ozon-seller", "wildberries"/,
    ],
    [JSON.stringify({ client: 'x', type: 'wildberries' }), /there is no secret/],
    [JSON.stringify({ ...shop(5), secret: { token: 7 } }), /neither text of up to 65536 bytes nor/],
    [JSON.stringify({ ...shop(5), secret: 'x'.repeat(65_537) }), /neither text/],
    [JSON.stringify({ ...shop(5), secret: { key: misplaced } }), /has no field "token"/],
    [JSON.stringify({ ...shop(5), secret: 'two\nlines' }), /a header cannot carry/],
    [JSON.stringify({ ...shop(5), expires: '2027-01-01' }), /the expiry is in the past/],
    [JSON.stringify({ ...shop(5), expires: misplaced }), /the expiry is not an ISO 8601/],
    [JSON.stringify({ ...shop(5), secret: 'x'.repeat(1_200_000) }), /it is too long/],
    [JSON.stringify(shop(1, generated())), /line 1 has the same client and type/],
    [
      JSON.stringify({ client: 'x', type: 'wildberries', sealed: 'skt1.first.AAAA' }),
      /sealed does not open/,
    ],
    [JSON.stringify({ ...shop(6), sealed: 'x' }), /beside sealed/],
  ];
  const stdin = Buffer.concat(rows.flatMap(([row]) => [Buffer.from(row), Buffer.from('\n')]));
  const { exit, code, message, hint } = await admin.failure(importing, { stdin });
  t.match({ exit, code }, { exit: 2, code: 'input_invalid' });
  t.match(hint, /nothing was changed/);
  const [heading, ...told] = message.split('\n');
  t.equal(heading, '20 rows cannot be stored:');
  t.equal(told.length, 20);
  rows.slice(1).forEach(([, wanted], i) => {
    t.match(told[i], new RegExp(`^  - line ${i + 2}: .*${wanted.source}`), `line ${i + 2}`);
  });
  t.notMatch(message, misplaced);
  t.notMatch(message, secret);
  t.same(Object.keys(await stored(t, admin)), ['shop-0 wildberries']);

  const many = await admin.failure(importing, { stdin: '{"a":1}\n'.repeat(1000) });
  t.equal(many.message.split('\n').length, 22, 'a screen of them');
  t.match(many.message, /^1,000 rows cannot be stored:\n.*and 980 more$/s);
});

t.test('refuses a member that stands twice, since one of the two would not count', async (t) => {
  const admin = await installTypes(t);
  const stdin = [
    JSON.stringify(shop(1)),
    `{"client":"a","type":"wildberries","\\u0063lient":"b","secret":"${secret}"}`,
    `{"client":"a","type":"wildberries","secret":{"token":"${secret}","token":"b"}}`,
    JSON.stringify({ ...shop(2), secret: `{"token":"${secret}","token":"b"}` }),
  ].join('\n');
  const { exit, code, message } = await admin.failure(importing, { stdin });
  t.match({ exit, code }, { exit: 2, code: 'input_invalid' });
  t.equal(
    message,
    '3 rows cannot be stored:\n' +
      '  - line 2: a member stands twice\n' +
      '  - line 3: a member stands twice\n' +
      '  - line 4: a field of the secret stands twice',
  );
  t.same(await stored(t, admin), {});
});

t.test('names the faults of CSV by line and column', async (t) => {
  const admin = await installTypes(t);
  for (const [input, message] of [
    [`shop-1,wildberries,${secret}\n`, /line 1: column 1 is none of client, type, secret/],
    ['client;id,type,secret\n', /line 1: column 1 is none of/],
    [`client,type,secret,secret\n`, /column 4 has the name of another/],
    [`client,type,secret,secret.token\n`, /a column secret beside those/],
    [
      `client,type,secret\na,wildberries,${secret}\nb,wildberries\n`,
      /line 3: it has 2 cells, and the first row 3/,
    ],
    [
      `client;type;secret\na;wildberries;${secret}\n`,
      /line 1: its cells are separated by semicolons or tabs: separate them by commas/,
    ],
    [`client\ttype\tsecret\na\twildberries\t${secret}\n`, /line 1: its cells .* by commas/],
    [
      Buffer.from(`client,type,secret\na,wildberries,${secret}\n`, 'utf16le'),
      /line 1: it is not text in UTF-8, but in UTF-16/,
    ],
    [`client,type,secret\n"shop-1 ",wildberries,${secret}\n`, /line 2: .* ends with a space/],
    [`client,type,secret\nshop-Мои\u0306,wildberries,${secret}\n`, /line 2: .* form NFC/],
    [`client,type,secret\na,wildberries,"${secret}\n`, /it is not CSV/],
    [`client,type,secret\na,wild"b,${secret}\n`, /line 2: it is not CSV/],
    [
      Buffer.concat([Buffer.from('client,type,secret\na,b,'), Buffer.of(0xff, 0x0a)]),
      /is not text in UTF-8/,
    ],
    [`client,type,secret\na,b,${'x'.repeat(600_000)}`, /it is too long/],
    ['', /there is no row/],
    ['client,type,secret\n', /there is no row/],
    ['[{"client":"a"}]', /it is a JSON array/],
  ] as const) {
    const failure = await admin.failure(importing, { stdin: input });
    t.match(failure, { exit: 2, code: 'input_invalid', message }, String(message));
    t.notMatch(failure.message, secret);
  }
  t.match(await admin.failure([...importing, '--file', 'nowhere']), { exit: 2, message: /ENOENT/ });
});

t.test('replaces what differs, and nothing in a dry run', async (t) => {
  const admin = await installTypes(t);
  await admin.json(importing, { stdin: jsonLines(...shops(3)) });
  const before = await stored(t, admin);
  const next = generated();
  const input = jsonLines(shop(0), { ...shop(1), expires: '2030-01-01' }, shop(2, next), shop(3));
  const dry = await admin.run([...importing, '--dry-run'], { stdin: input });
  t.equal(dry.stdout, 'would import 4 rows: 1 added, 2 replaced, 1 unchanged\n', dry.stderr);
  t.same(await stored(t, admin), before);
  t.match(await admin.json(importing, { stdin: input }), { added: 1, replaced: 2, unchanged: 1 });
  t.match(await stored(t, admin), {
    'shop-1 wildberries': { expiresAt: '2030-01-01T00:00:00.000Z' },
    'shop-2 wildberries': { fields: { token: next } },
  });
});

t.test('stores more rows than one transaction takes in batches, with one number', async (t) => {
  const admin = await installTypes(t);
  const { store } = admin.context(t);
  const seq = await store.lastSeq();
  const input = jsonLines(...shops(10_001));
  t.match(await admin.json(importing, { stdin: input }), { rows: 10_001, added: 10_001 });
  t.equal(await store.lastSeq(), seq + 1);
  t.same(await store.changesSince(seq), [], 'proxies forget all');
  admin.sql("DELETE FROM storage WHERE client_id LIKE 'shop-9%'");
  t.match(await admin.json(importing, { stdin: input }), { added: 1111, unchanged: 8890 });
  t.equal(await store.lastSeq(), seq + 2);
  const few = jsonLines(...shops(10_000, generated()));
  t.match(await admin.json(importing, { stdin: few }), { replaced: 10_000 });
  t.equal(await store.lastSeq(), seq + 3);
  const last = "UPDATE ON storage WHEN OLD.client_id = 'shop-10000'";
  admin.sql(`CREATE TRIGGER fail BEFORE ${last} BEGIN SELECT RAISE(ABORT, 'made-up'); END`);
  const more = jsonLines(...shops(10_001, generated()));
  t.match(await admin.run(importing, { stdin: more }), { code: 2 });
  t.equal(await store.lastSeq(), seq + 4, 'what was stored before the failure counts');
});

t.test('stores rows of more bytes than one transaction takes in batches, too', async (t) => {
  const admin = await installTypes(t);
  const { store } = admin.context(t);
  const seq = await store.lastSeq();
  // Sealed and in base64, they take a third more.
  const rows = Math.ceil((8_388_608 * 3) / 4 / 65_000);
  t.ok(rows <= 100, 'so few that one transaction would give each a number');
  const input = jsonLines(...shops(rows, 'x'.repeat(65_000) + secret));
  t.match(await admin.json(importing, { stdin: input }), { added: rows });
  t.equal(await store.lastSeq(), seq + 1, 'by one number, though they are few');
  t.same(await store.changesSince(seq), []);
});

t.test('keeps the sealed rows that wait in no file that has a name', async (t) => {
  const admin = await installTypes(t);
  const ours = () => readdirSync(tmpdir()).filter((name) => name.startsWith('sealed-rows-'));
  const before = ours();
  const waiting = admin.run(importing, { stdin: jsonLines(...shops(5000)) });
  t.same(ours(), before);
  t.equal((await waiting).code, 0);
  t.same(ours(), before);
});

t.test('warns of a file that others can read, and of secrets that could be guessed', async (t) => {
  const admin = await installTypes(t);
  writeFileSync(join(admin.folder, 'rows'), jsonLines(shop(1), shop(2, 'Tr0ub4dor')), {
    mode: 0o644,
  });
  const { code, stderr } = await admin.run([...importing, '--file', 'rows']);
  t.equal(code, 0);
  t.match(stderr, /rows can be read by others/);
  t.match(stderr, /warning: line 2: the field "token" is as short or regular/);
  t.notMatch(stderr, 'Tr0ub4dor');
});

t.test('warns of new clients that look like others, of the table or the file', async (t) => {
  const admin = await installTypes(t);
  const rows = (...clients: string[]) =>
    jsonLines(...clients.map((client) => ({ client, type: 'wildberries', secret })));
  await admin.run(importing, { stdin: rows('shop') });
  const { stdout, stderr, code } = await admin.run(importing, {
    stdin: rows('shop', 'ѕhop', 'other', 'OTHER'),
  });
  t.equal(code, 0);
  t.match(stdout, '3 added, 0 replaced, 1 unchanged');
  t.same(stderr.match(/^warning: .*/gm), [
    'warning: line 2: the client "ѕhop" is new, and looks like "shop": they differ in U+0455',
    'warning: line 4: the client "OTHER" is new, and looks like "other": they differ in U+004F',
  ]);
});

t.test('warns of one name that looks like another, wherever it is new', async (t) => {
  const admin = await installTypes(t);
  const warnings = async (args: string[], input = '') => {
    const { stderr } = await admin.run(args, { stdin: input });
    return stderr.split('\n').filter((line) => / is new, and looks like /.test(line));
  };
  const put = (client: string) => ['token', 'put', '--client', client, '--type', 'wildberries'];
  t.same(await warnings(put('shop'), secret), []);
  t.same(await warnings(put('Shop'), secret), [
    'warning: the client "Shop" is new, and looks like "shop": they differ in U+0053',
  ]);
  t.same(await warnings(put('Shop'), secret), [], 'once');
  for (const kind of ['app', 'proxy']) {
    t.same(await warnings([kind, 'create', 'orders']), []);
    t.same(await warnings([kind, 'create', 'оrders']), [
      `warning: the ${kind} "оrders" is new, and looks like "orders": they differ in U+043E`,
    ]);
    t.match(await admin.json([kind, 'create', 'Orders']), {
      warnings: [/^the .* "Orders" is new, and looks like "orders": they differ in U\+004F$/],
    });
  }
  const putType = ['type', 'put', 'Wildberries', ...wildberries.slice(3)];
  t.same(await warnings(putType), [
    'warning: the type "Wildberries" is new, and looks like "wildberries": they differ in U+0057',
  ]);
  t.same(await warnings(putType), []);
  const file = 'apps: { ORDERS: { grants: [] }, sync: { grants: [] }, Sync: { grants: [] } }';
  t.same(await warnings(['plan', '--file', '-'], file), [
    'note: the app "ORDERS" is new, and looks like "orders": they differ in U+004F',
    'note: the app "Sync" is new, and looks like "sync": they differ in U+0053',
  ]);
});

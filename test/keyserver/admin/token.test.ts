import { createCipheriv, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openSecret } from '../../../keyserver/at-rest/secret.ts';
import { Installation, install, wildberries } from './installation.ts';

/** As a marketplace would generate it. */
const generated = randomBytes(24).toString('base64url');
const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
const name = ['--client', 'shop-1', '--type', 'wildberries'];

async function installWithType(t: Parameters<typeof install>[0]): Promise<Installation> {
  const installation = await install(t);
  await installation.json(wildberries);
  return installation;
}

t.test('stores a bare token from stdin, less one line end, as KeyServer reads it', async (t) => {
  const admin = await installWithType(t);
  const { code, stdout, stderr } = await admin.run(put, { stdin: 'opaque-words\n' });
  t.equal(code, 0, stderr);
  t.equal(stdout, 'stored the token of shop-1 for wildberries\n');
  const { store, keyring } = admin.context(t);
  const [row] = await store.findTokens('shop-1', 'wildberries');
  t.same(row && openSecret(keyring, row), { fields: { token: 'opaque-words' } });
});

t.test('stores a JSON object of fields with its end, from a file', async (t) => {
  const admin = await install(t);
  await admin.json([
    ...['type', 'put', 'ozon-seller', '--destination', 'https://api.example.com'],
    ...['--header', 'Client-Id: {clientId}', '--header', 'Api-Key: {apiKey}'],
    ...['--public-field', 'clientId'],
  ]);
  const fields = { clientId: '7', apiKey: generated };
  writeFileSync(join(admin.folder, 'secret.json'), `\ufeff${JSON.stringify(fields)}\r\n`);
  const stored = await admin.json([
    ...['token', 'put', '--client', 'магазин', '--type', 'ozon-seller'],
    ...['--file', 'secret.json', '--expires', '2030-01-31T18:00:00+03:00'],
  ]);
  const expiresAt = '2030-01-31T15:00:00.000Z';
  t.same(stored, {
    ...{ client: 'магазин', type: 'ozon-seller', replaced: false },
    ...{ fields: ['clientId', 'apiKey'], expiresAt, kind: null, warnings: [] },
  });
  const { store, keyring } = admin.context(t);
  const [row] = await store.findTokens('магазин', 'ozon-seller');
  t.same(row && openSecret(keyring, row), { fields, expiresAt });
});

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: object) =>
  `${part({ alg: 'ES256' })}.${part({ sid: 'b', acc: 1, s: 2, ...claims })}.${generated}`;

t.test('takes the expiry of a JWT, and says so, unless another is given', async (t) => {
  const admin = await installWithType(t);
  const exp = Date.parse('2027-06-01T00:00:00Z') / 1000;
  const { stdout, stderr } = await admin.run(put, { stdin: jwt({ exp }) });
  t.equal(
    stdout,
    [
      'stored the token of shop-1 for wildberries',
      'it is a base token of Wildberries for content',
      'it expires at 2027-06-01T00:00:00.000Z',
      '',
    ].join('\n'),
  );
  t.equal(stderr, '');
  for (const [expires, expiresAt] of [
    ['2027-05-01', '2027-05-01T00:00:00.000Z'],
    ['2028-01-01', '2028-01-01T00:00:00.000Z'],
    ['never', null],
  ] as const) {
    const given = [...put, '--expires', expires];
    t.match(await admin.json(given, { stdin: jwt({ exp }) }), { expiresAt });
    t.match(await admin.json(['token', 'list']), [{ expiresAt }]);
  }
  const past = { stdin: jwt({ exp: Date.parse('2027-03-04') / 1000 }) };
  t.match(await admin.failure(put, past), {
    ...{ exit: 2, code: 'input_invalid' },
    message: 'the secret is a JWT that expired at 2027-03-04T00:00:00.000Z',
  });
  t.match(await admin.json(put.concat('--expires', 'never'), past), { expiresAt: null });
});

t.test('says that a token was replaced', async (t) => {
  const admin = await installWithType(t);
  await admin.json(put, { stdin: 'one' });
  const { stdout } = await admin.run(put, { stdin: 'two' });
  t.equal(stdout, 'replaced the token of shop-1 for wildberries\n');
});

t.test('says on a terminal that it waits for the secret', async (t) => {
  const admin = await installWithType(t);
  const { code, stderr } = await admin.run(put, { stdin: 'words\n', stdinIsTerminal: true });
  t.equal(code, 0);
  t.match(stderr, /^type the secret, which is not shown/);
  const piped = await admin.run(put, { stdin: `${generated}\n` });
  t.equal(piped.stderr, '');
});

t.test('says in which form the secret is wanted', async (t) => {
  const admin = await installWithType(t);
  const shop = ['type', 'put', 'shop', '--destination', 'https://shop.example.com'];
  await admin.json([...shop, '--basic', '{key}:{secret}']);
  for (const [type, form] of [
    ['shop', 'a JSON object: {"key":"…","secret":"…"};'],
    ['wildberries', 'the token alone, or a JSON object: {"token":"…"};'],
  ]) {
    const { stderr } = await admin.run(['token', 'put', '--client', 'c', '--type', `${type}`], {
      stdin: '{"other":"x"}',
    });
    t.match(stderr, `\n  the secret is ${form} see where it goes: `, `${type}`);
  }
});

t.test('refuses a token that could not be used, and stores nothing', async (t) => {
  const admin = await installWithType(t);
  const refusals: readonly (readonly [string, string[], string | Uint8Array, RegExp])[] = [
    ['an empty secret', put, '\n', /is empty/],
    ['an object without a value', put, '{"token":""}', /is empty/],
    ['fields that the type does not inject', put, '{"key":"x"}', /no field "token"/],
    ['a line break', put, 'two\nlines', /a header cannot carry/],
    ['broken JSON', put, '{"token"', /not a JSON object/],
    ['values that are no text', put, '{"token":1}', /not a JSON object/],
    ['a field name no placeholder can have', put, '{"token":"x","a b":"y"}', /field 2/],
    ['bytes that are no text', put, Uint8Array.of(0xff, 0xfe), /UTF-8/],
    ['a secret of many bytes', put, 'x'.repeat(65_537), /65536 bytes/],
    ['a past end', [...put, '--expires', '2027-03-04T05:06:07Z'], 'x', /in the past/],
    ['a day that no month has', [...put, '--expires', '2030-02-30'], 'x', /ISO 8601/],
    ['a time without a zone', [...put, '--expires', '2030-01-01T00:00:00'], 'x', /ISO 8601/],
    ['an end in words', [...put, '--expires', 'tomorrow'], 'x', /ISO 8601/],
    ['a file that is not there', [...put, '--file', 'nowhere'], '', /--file names \(ENOENT\)/],
    ['a client without a name', [...put, '--client', ''], 'x', /client is empty/],
    ['a type with a control character', [...put, '--type', 'a\u0007'], 'x', /control character/],
    ['a long client name', [...put, '--client', 'x'.repeat(256)], 'x', /255 characters/],
  ];
  for (const [what, argv, stdin, message] of refusals) {
    const failure = await admin.failure(argv, { stdin });
    t.equal(failure.exit, 2, what);
    t.equal(failure.code, 'input_invalid', what);
    t.match(failure.message, message, what);
    t.ok(failure.hint.length > 0, what);
  }
  t.same(await admin.json(['token', 'list']), []);
});

t.test('names the types there are where one is not known, and how to make it', async (t) => {
  const admin = await install(t);
  t.match(await admin.failure(put, { stdin: 'x' }), {
    exit: 2,
    message: 'there is no type "wildberries"',
    hint: 'define it: keyserver-admin type put wildberries --destination https://…',
  });
  await admin.json(wildberries);
  t.match(await admin.failure([...put, '--type', 'ozon'], { stdin: 'x' }), {
    message: 'there is no type "ozon"; there is "wildberries"',
  });
  t.match(await admin.failure([...put, '--type', 'wildberies'], { stdin: 'x' }), {
    message: 'there is no type "wildberies"; is "wildberries" meant?',
  });
});

t.test('does not store a token for a type that does not open', async (t) => {
  const admin = await installWithType(t);
  admin.sql("UPDATE documents SET body = replace(body, 'api.', 'evil.')");
  t.match(await admin.failure(put, { stdin: 'x' }), { exit: 1, code: 'integrity_failed' });
});

t.test('lists tokens by client and type, without them', async (t) => {
  const admin = await installWithType(t);
  await admin.json([...wildberries.with(2, 'other')]);
  await admin.json(put, { stdin: 'x' });
  await admin.json([...put, '--client', 'shop-2', '--expires', '2027-03-05'], { stdin: 'x' });
  await admin.json([...put, '--type', 'other'], { stdin: 'x' });
  admin.nowMs = Date.parse('2027-03-06');
  const { stdout } = await admin.run(['token', 'list']);
  t.equal(
    stdout,
    [
      'CLIENT  TYPE         KEY    FIELDS  EXPIRES                          OPENS',
      'shop-1  other        first  token   -                                yes',
      'shop-1  wildberries  first  token   -                                yes',
      'shop-2  wildberries  first  token   2027-03-05T00:00:00.000Z (past)  yes',
      '',
    ].join('\n'),
  );
  const names = async (...filter: string[]) =>
    (await admin.json(['token', 'list', ...filter])).map(
      ({ client, type }: { client: string; type: string }) => `${client} ${type}`,
    );
  t.same(await names('--type', 'wildberries'), ['shop-1 wildberries', 'shop-2 wildberries']);
  t.same(await names('--client', 'shop-1'), ['shop-1 other', 'shop-1 wildberries']);
  t.same(await names('--client', 'shop-1', '--type', 'other'), ['shop-1 other']);
  t.equal((await admin.run(['token', 'list', '--client', 'x'])).stdout, 'no tokens\n');
});

t.test('lists tokens that expire within a time, and those that have expired', async (t) => {
  const admin = await installWithType(t);
  const store = (client: string, expires: string[]) =>
    admin.json([...put, '--client', client, ...expires], { stdin: 'x' });
  await store('never', []);
  await store('past', ['--expires', '2027-03-05']);
  await store('in-time', ['--expires', '2027-03-13T00:00:00Z']);
  await store('later', ['--expires', '2027-03-13T00:00:01Z']);
  admin.nowMs = Date.parse('2027-03-06');
  const within = async (time: string) =>
    (await admin.json(['token', 'list', '--expires-within', time])).map(
      ({ client }: { client: string }) => client,
    );
  t.same(await within('7d'), ['in-time', 'past']);
  t.same(await within('8d'), ['in-time', 'later', 'past']);
  t.same(await within('0s'), ['past']);
  t.match(await admin.failure(['token', 'list', '--expires-within', 'soon']), {
    exit: 2,
    message: '"soon" is not a duration up to 365d',
  });
});

t.test('shows a token, and fails where its row was moved to another client', async (t) => {
  const admin = await installWithType(t);
  await admin.json(put, { stdin: 'x' });
  t.equal(
    (await admin.run(['token', 'show', ...name])).stdout,
    [
      'client   shop-1',
      'type     wildberries',
      'key      first',
      'fields   token',
      'expires  -',
      'opens    yes',
      '',
    ].join('\n'),
  );
  admin.sql("UPDATE storage SET client_id = 'shop-2'");
  const moved = await admin.run(['token', 'show', '--json', ...name.with(1, 'shop-2')]);
  t.equal(moved.code, 1);
  t.match(JSON.parse(moved.stdout), { opens: false, fields: null, kid: 'first' });
  t.match(await admin.failure(['token', 'show', ...name]), { exit: 1, code: 'not_found' });
});

t.test('refuses to choose between two rows of one name', async (t) => {
  const admin = new Installation(t);
  admin.sql('CREATE TABLE storage (client_id TEXT, token_type TEXT, token TEXT)');
  await admin.json(['migrate']);
  await admin.json(wildberries);
  await admin.json(put, { stdin: 'x' });
  admin.sql(
    'INSERT INTO storage (client_id, token_type, token) SELECT client_id, token_type, token FROM storage',
  );
  t.match(await admin.failure(['token', 'show', ...name]), {
    exit: 1,
    code: 'integrity_failed',
    message: 'client "shop-1" has more than one row of type "wildberries"',
  });
});

t.test('deletes a token once', async (t) => {
  const admin = await installWithType(t);
  await admin.json(put, { stdin: 'x' });
  const { stdout } = await admin.run(['token', 'delete', ...name]);
  t.equal(stdout, 'deleted the token of shop-1 for wildberries\n');
  t.match(await admin.failure(['token', 'delete', ...name]), { exit: 1, code: 'not_found' });
});

t.test("tells the earlier system's rows, and opens them with its key", async (t) => {
  const admin = await installWithType(t);
  const key = randomBytes(32);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const row = Buffer.concat([cipher.update('opaque-words'), cipher.final()]).toString('base64');
  admin.sql('INSERT INTO storage (client_id, token_type, token) VALUES (?, ?, ?)', 'old', 'x', row);
  admin.sql('INSERT INTO storage (client_id, token_type, token) VALUES (?, ?, ?)', 'odd', 'x', '?');
  t.match(await admin.json(['token', 'list']), [
    { client: 'odd', legacy: false, kid: null, opens: false },
    { client: 'old', legacy: true, kid: null, opens: null },
  ]);
  t.match(
    (await admin.run(['token', 'list'])).stdout,
    /odd +x +unknown .* no\nold +x +legacy .*AES_KEY_FILE/,
  );
  writeFileSync(join(admin.folder, 'key.bin'), key, { mode: 0o600 });
  writeFileSync(join(admin.folder, 'iv.bin'), iv, { mode: 0o600 });
  const environment = {
    AES_KEY_FILE: join(admin.folder, 'key.bin'),
    AES_IV_FILE: join(admin.folder, 'iv.bin'),
  };
  t.match(await admin.json(['token', 'list', '--client', 'old'], { environment }), [
    { legacy: true, opens: true, fields: ['token'] },
  ]);
});

t.test('spells control characters out that others put into the database', async (t) => {
  const admin = await install(t);
  admin.sql(
    'INSERT INTO storage (client_id, token_type, token) VALUES (?, ?, ?)',
    '\u001b[2J\u202e',
    'x\ny',
    '?',
  );
  const { stdout } = await admin.run(['token', 'list']);
  t.match(stdout, '\\u{1b}[2J\\u{202e}  x\\u{a}y');
});

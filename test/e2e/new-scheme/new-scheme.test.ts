import { registerHooks } from 'node:module';
import { join } from 'node:path';
import t, { type Test } from 'tap';

const real = new URL('../../../shared/policy/injection/schemes.ts', import.meta.url).href;
const longer = new URL('./schemes.ts', import.meta.url).href;

// From here on every module finds the table with one more row: a scheme takes a file and a row, no more.
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return resolved.url === real && context.parentURL !== longer
      ? { ...resolved, url: longer }
      : resolved;
  },
});
const { install } = await import('../../keyserver/admin/installation.ts');
const { startKeyserver } = await import('../../support/keyserver.ts');
const { startProxy } = await import('../../support/proxy.ts');
const { answer, startUpstream } = await import('../../support/upstream.ts');
const { signatureOf } = await import('./signed.ts');

/** Each too short to be searched for by itself; the key is not. */
const fields = { seller: 'shop-17', secret: 'pin-4711' };
const key = 'shop-17/pin-4711';

async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const admin = await install(t);
  const destination = ['--destination', upstream.url, '--unsafe-plaintext'];
  const put = (...options: string[]) => ['type', 'put', 'market', ...destination, ...options];
  await admin.json([
    ...put('--signed', 'header=X-Signature', '--signed', 'key={seller}/{secret}'),
    ...['--unsafe-allow-private', '127.0.0.0/8'],
  ]);
  await admin.json(['token', 'put', '--client', 'shop-1', '--type', 'market'], {
    stdin: JSON.stringify(fields),
  });
  return { upstream, admin, put };
}

async function startPair(t: Test) {
  const { upstream, admin } = await setUp(t);
  const { store } = admin.context(t);
  const settings = { KEYRING_DIR: join(admin.folder, 'keyring') };
  const keyserver = await startKeyserver(t, { store, settings });
  const appKey = await keyserver.putApp('orders');
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
  const headers = ['content-type', 'application/json', 'authorization', `Bearer ${appKey}`];
  const post = (path: string, more: object = {}) => {
    const call = { ClientId: 'shop-1', TokenType: 'market', ApiUri: `${upstream.url}/v1?a=1` };
    const body = JSON.stringify({ ...call, ...more });
    return proxy.send(path, { method: 'POST', headers, body });
  };
  return { upstream, proxy, headers, post };
}

t.test('type put takes it from an option, stores it and shows it', async (t) => {
  const { admin } = await setUp(t);
  t.strictSame((await admin.json(['type', 'show', 'market'])).policy.injection, {
    scheme: 'signed',
    header: 'X-Signature',
    key: '{seller}/{secret}',
  });
  t.match(
    (await admin.run(['type', 'show', 'market'])).stdout,
    /injects +X-Signature: signature under \{seller\}\/\{secret\}\n/,
  );
  const { stdout } = await admin.run(['type', 'put', '--help']);
  t.match(stdout, /--signed <member> +'header=name or key=template'; repeatable/);
  t.match(stdout, /Without --header, --query, --basic and --signed the token is sent as/);
});

t.test('type put and token put refuse what it cannot use', async (t) => {
  const { admin, put } = await setUp(t);
  const signed = (...members: string[]) => put(...members.flatMap((one) => ['--signed', one]));
  for (const [argv, message] of [
    [signed('header=X'), /^--signed needs header= and key=, and nothing else$/],
    [signed('header=X', 'key={a}', 'more=b'), /^--signed needs header=/],
    [signed('header'), /^--signed needs two parts separated by "="$/],
    [signed('key=a', 'key=b'), /^--signed names "key" twice$/],
    [
      [...signed('key=a'), '--basic', 'a:b'],
      /^a type has only one of --header, --query, --basic and --signed$/,
    ],
    [signed('header=X', 'key={a b}'), /signing key has a template with a brace/],
    [signed('header=Host', 'key={a}'), /header "Host" belongs to the connection/],
  ] as const) {
    t.match(await admin.failure(argv), { code: 'input_invalid', message }, argv.join(' '));
  }
  const token = ['token', 'put', '--client', 'shop-2', '--type', 'market'];
  t.match(await admin.failure(token, { stdin: 'bare' }), { message: /no field "seller"/ });
});

t.test('explain names the header that it sets, and no value', async (t) => {
  const { post } = await startPair(t);
  const answered = await post('/explain', { Headers: { x_signature: 'mine' } });
  const { allowed, steps, request } = JSON.parse(answered.text);
  t.equal(allowed, true, answered.text);
  t.match(steps[6], { step: 'injection', ok: true, headers: ['X-Signature'], query: [] });
  t.match(steps[7], { step: 'request', dropped: [{ name: 'x_signature', why: 'injected' }] });
  t.equal(request.headers.at(-1), 'X-Signature');
  t.notMatch(answered.text, /pin-4711/);
});

t.test("so does the tool's explain", async (t) => {
  const { upstream, admin } = await setUp(t);
  await admin.json(['app', 'create', 'orders']);
  await admin.json(['grant', 'add', 'orders', '--client', '*', '--type', '*']);
  const { stdout } = await admin.run([
    ...['explain', '--app', 'orders', '--client', 'shop-1', '--type', 'market'],
    ...['--url', `${upstream.url}/v1`],
  ]);
  t.match(stdout, /\ninjection +ok +X-Signature\nallowed\n$/);
});

t.test('every call is signed as it is sent, under one release', async (t) => {
  const { upstream, proxy, post } = await startPair(t);
  const calls = [
    { Method: 'POST', Headers: { 'X-Own': 'a', 'X-Signature': 'mine' }, Body: { q: 'first' } },
    { Method: 'POST', Headers: { 'X-Own': 'a' }, Body: { q: 'second' } },
    { Method: 'GET', Headers: { 'X-Own': 'b' } },
  ];
  for (const call of calls) t.equal((await post('/request_api', call)).status, 200);
  const sent = upstream.requests.map(({ method, target, headers, body, all }) => {
    const url = new URL(target, upstream.url);
    const expected = signatureOf(key, {
      method,
      url,
      headers: headers.flat(),
      body: body.length === 0 ? null : body,
    });
    t.strictSame(all('x-signature'), [expected]);
    return expected;
  });
  t.equal(new Set(sent).size, calls.length);
  await proxy.requestLine(calls.length - 1);
  t.match(
    proxy.log().filter(({ msg }) => msg === 'request'),
    [{ release: 'ticket' }, { release: 'cached' }, { release: 'cached' }],
  );
});

t.test('/forward, which holds no body, takes calls without one', async (t) => {
  const { upstream, proxy, headers } = await startPair(t);
  const send = (method: string, more: { body?: string } = {}) =>
    proxy.send('/forward/shop-1/market/v1?a=1', { method, headers, ...more });
  t.match(JSON.parse((await send('POST', { body: '{}' })).text), { reason: 'body_streamed' });
  t.equal(upstream.requests.length, 0);
  t.equal((await send('GET')).status, 200);
  t.equal(upstream.only().all('x-signature').length, 1);
});

t.test('its secrets are redacted in answers, and nothing else is', async (t) => {
  const { upstream, post } = await startPair(t);
  const echo = `${key} ${Buffer.from(key).toString('hex')} ${fields.seller} ${fields.secret}`;
  upstream.script((socket) => socket.write(answer(200, echo, [['X-Echo', key]])));
  const answered = await post('/request_api');
  t.equal(answered.text, `[redacted] [redacted] ${fields.seller} ${fields.secret}`);
  t.strictSame(answered.all('x-echo'), ['[redacted]']);
});

import t from 'tap';
import { install } from './installation.ts';

const put = (id: string, preset: string, ...more: string[]) =>
  ['type', 'put', id, '--preset', preset, ...more] as const;

t.test('an operator says ozon-seller, and the type is written out', async (t) => {
  const admin = await install(t);
  const { stdout, stderr } = await admin.run(put('ozon', 'ozon-seller'));
  t.equal(stdout, 'created ozon\n');
  t.equal(
    stderr,
    'note: its secret has clientId (Client-Id of the account), apiKey (the API key)\n',
  );
  const { policy } = await admin.json(['type', 'show', 'ozon']);
  t.same(policy.destinations, ['https://api-seller.ozon.ru']);
  t.same(policy.injection, {
    scheme: 'headers',
    headers: { 'Client-Id': '{clientId}', 'Api-Key': '{apiKey}' },
  });
  t.same(policy.publicFields, ['clientId']);
  t.same(policy.limits, ['50/s']);
  t.same(policy.preset, { id: 'ozon-seller', revision: 2, auth: 'api-key' });
  t.match(policy.probe, { method: 'POST', url: 'https://api-seller.ozon.ru/v1/roles', body: '{}' });
  t.match(
    (await admin.run(['type', 'show', 'ozon'])).stdout,
    /preset +ozon-seller, api-key, revision 2/,
  );
  t.equal((await admin.run(put('ozon', 'ozon-seller'))).stdout, 'unchanged ozon\n');
});

t.test('a name that is no preset gets the nearest ones', async (t) => {
  const admin = await install(t);
  for (const [name, meant] of [
    ['ozon', 'is ozon-delivery or ozon-performance or ozon-seller meant?'],
    ['wildbery', 'is wildberries meant?'],
    ['Shopfy', 'is shopify-admin meant?'],
    ['zzzzzzzzzz', 'see keyserver-admin preset list'],
  ] as const) {
    for (const argv of [put('x', name), ['preset', 'show', name]]) {
      const { code, stderr } = await admin.run(argv);
      t.equal(code, 1);
      t.equal(stderr, `error: there is no preset "${name}"\n  ${meant}\n`);
    }
  }
  const { code, stderr } = await admin.run(put('x', 'ozon-seller', '--auth', 'oaut'));
  t.equal(code, 2);
  t.match(stderr, /no way "oaut" to authenticate\n {2}it has api-key, oauth\n/);
});

t.test('a preset that cannot be served is refused with the reason and what helps', async (t) => {
  const admin = await install(t);
  for (const [preset, reason, help] of [
    ['allegro', /access tokens expire, and nothing here renews them yet/, /--renewed-elsewhere/],
    ['kaufland', /each call is signed/, /--header/],
    ['shopee', /each call is signed/, /--header/],
    ['megamarket', /the token stands in the body/, /--header/],
    ['ozon-delivery', /no cookies are kept here/, /call it directly/],
    ['header', /which header or parameter/, /--header/],
  ] as const) {
    const { code, stderr } = await admin.run(put('x', preset));
    t.equal(code, 2, preset);
    t.match(stderr, /cannot be served yet/, preset);
    t.match(stderr, reason, preset);
    t.match(stderr, help, preset);
  }
  const renewed = await admin.json(put('allegro', 'allegro', '--renewed-elsewhere'));
  t.same(renewed.policy.injection.headers, { Authorization: 'Bearer {accessToken}' });
  const { stderr } = await admin.run(put('allegro', 'allegro', '--renewed-elsewhere'));
  t.match(
    stderr,
    /note: store a new access token before the old one ends: an access token lives 12/,
  );
  const signedByApp = ['--header', 'x-tts-access-token: {accessToken}'];
  t.match(
    (await admin.run(put('tiktok', 'tiktok-shop', ...signedByApp))).stderr,
    /renews them yet/,
  );
  const own = await admin.json(put('tiktok', 'tiktok-shop', ...signedByApp, '--renewed-elsewhere'));
  t.same(own.policy.injection.headers, { 'x-tts-access-token': '{accessToken}' });
  t.same(own.policy.destinations, ['https://open-api.tiktokglobalshop.com']);
  const header = ['--header', 'Authorization: Bearer {token}'];
  const { policy } = await admin.json(put('ozon', 'ozon-seller', ...header));
  t.notOk('publicFields' in policy, 'fields of the preset are none of an own injection');
  const cookies = await admin.run(put('x', 'ozon-delivery', ...signedByApp, '--renewed-elsewhere'));
  t.match(cookies.stderr, /no cookies are kept here/);
});

t.test('hosts that nobody verified get no token, and are named', async (t) => {
  const admin = await install(t);
  const { stderr } = await admin.run(put('hb', 'hepsiburada'));
  t.match(stderr, /note: nobody has verified shipping-external.hepsiburada.com, .*no token goes/);
  const { policy } = await admin.json(['type', 'show', 'hb']);
  t.notOk(JSON.stringify(policy.destinations).includes('shipping-external'));
});

t.test('the sandbox and a way to authenticate are chosen by name', async (t) => {
  const admin = await install(t);
  const { policy } = await admin.json(put('wb', 'wildberries', '--sandbox'));
  t.ok(policy.destinations.length > 5);
  t.ok(policy.destinations.every((one: string) => one.includes('-sandbox.')));
  t.match(policy.preset, { sandbox: true });
  const { code, stderr } = await admin.run(put('ozon', 'ozon-seller', '--sandbox'));
  t.equal(code, 2);
  t.match(
    stderr,
    /knows no sandbox\n {2}leave it out, and name the sandbox's host as a destination/,
  );
  const named = put('ozon', 'ozon-seller', '--destination', 'https://sandbox.example', '--yes');
  const followed = await admin.json(named);
  t.same(followed.policy.destinations, ['https://sandbox.example']);
  const etsy = await admin.json(put('etsy', 'etsy', '--auth', 'public'));
  t.same(etsy.policy.injection.headers, { 'x-api-key': '{keystring}:{sharedSecret}' });
});

t.test('another marketplace or way for tokens that are stored is confirmed', async (t) => {
  const admin = await install(t);
  await admin.json(put('ym', 'yandex-market'));
  const legacy = put('ym', 'yandex-market', '--auth', 'oauth-legacy');
  t.match(await admin.json([...legacy, '--dry-run']), { consequences: [] }, 'without a token');
  const token = ['token', 'put', '--client', 'shop-1', '--type', 'ym'];
  await admin.json(token, { stdin: 'made-up-token-7f3a' });
  for (const [argv, place] of [
    [legacy, 'yandex-market (oauth-legacy)'],
    [put('ym', 'aliexpress-ru'), 'aliexpress-ru (token)'],
  ] as const) {
    const said = `1 stored token (client shop-1), put for yandex-market (api-key), would be sent as of ${place} by the type "ym"`;
    const { message } = await admin.failure(argv);
    t.ok(message.includes(said), message);
  }
  t.equal((await admin.json(put('ym', 'yandex-market'))).outcome, 'unchanged');
  t.equal((await admin.json([...legacy, '--yes'])).outcome, 'replaced');
});

t.test('destinations that widen a preset are shown before they are written', async (t) => {
  const admin = await install(t);
  const wide = put('ozon', 'ozon-seller', '--destination', 'https://evil.example');
  const { code, stderr } = await admin.run(wide);
  t.equal(code, 2);
  const limit =
    'tokens of the new type "ozon" may go to https://evil.example, which is no host of the preset ozon-seller';
  const asked = `error: confirmation needed: defining the type ozon:\n  - ${limit}\n`;
  t.ok(stderr.includes(asked), stderr);
  t.equal((await admin.run(['type', 'show', 'ozon'])).code, 1, 'nothing was written');
  const dry = await admin.run([...wide, '--dry-run']);
  t.match(dry.stderr, limit);
  const done = await admin.run([...wide, '--yes']);
  t.match(done.stderr, limit);
  t.equal(done.stdout, 'created ozon\n');
  for (const fewer of [
    put('wb', 'wildberries', '--destination', 'https://content-api.wildberries.ru'),
    put('kaspi', 'kaspi', '--destination', 'https://kaspi.kz/shop/api/v2'),
    put('bc', 'bigcommerce', '--destination', 'https://api.bigcommerce.com/stores/h4sh'),
    put('woo', 'woocommerce', '--destination', 'https://shop.example.com'),
    put('shop', 'shopify-admin', '--destination', 'https://shop-1.myshopify.com'),
    put('any', 'bearer', '--destination', 'https://api.example.com'),
  ]) {
    t.equal((await admin.run(fewer)).code, 0, fewer.join(' '));
  }
  for (const other of [
    put('kaspi', 'kaspi', '--destination', 'https://kaspi.kz'),
    put('shop', 'shopify-admin', '--destination', 'https://a.shop-1.myshopify.com'),
    put('shop', 'shopify-admin', '--destination', 'https://shop-1.myshopify.com.evil.example'),
    put('shop', 'shopify-admin', '--destination', 'https://evil.example/.myshopify.com'),
    put(
      'shop',
      'shopify-admin',
      '--destination',
      'http://shop-1.myshopify.com',
      '--unsafe-plaintext',
    ),
    put('shop', 'shopify-admin', '--destination', 'https://.myshopify.com'),
    put('shop', 'shopify-admin', '--destination', 'https://shop_1.myshopify.com'),
    put('wb', 'wildberries', '--destination', 'https://*.wildberries.ru'),
    put('wb', 'wildberries', '--destination', 'https://content-api-sandbox.wildberries.ru'),
  ]) {
    t.match(
      (await admin.run(other)).stderr,
      /:\n {2}- tokens of the (new )?type .* no host of/,
      other.join(' '),
    );
  }
  // Nobody is asked about a type that is refused anyway.
  for (const faulty of [
    'http://shop-1.myshopify.com',
    'https://*.myshopify.com',
    'https://x@shop-1.myshopify.com',
  ]) {
    const { stderr } = await admin.run(put('shop', 'shopify-admin', '--destination', faulty));
    t.match(stderr, /^error: destination .*\n.*--unsafe-plaintext/, faulty);
  }
});

t.test('every command that widens a type of a preset is asked alike', async (t) => {
  const admin = await install(t);
  await admin.json(put('ozon', 'ozon-seller'));
  const evil = 'https://evil.example';
  const limit = `  - tokens of the type "ozon" may go to ${evil}, which is no host of the preset ozon-seller\n`;
  const edit = ['type', 'edit', 'ozon', '--add-destination'];
  const { stdout: file } = await admin.run(['export']);
  const wide = file.replace(
    '- https://api-seller.ozon.ru',
    `- https://api-seller.ozon.ru\n      - ${evil}`,
  );
  const withoutPreset = wide.replace(/ {4}preset:\n(?: {6}.*\n)+/, '');
  t.notMatch(withoutPreset, 'revision');
  for (const [argv, stdin] of [
    [[...edit, evil], ''],
    [['apply', '--file', '-'], wide],
    [['apply', '--file', '-'], withoutPreset],
  ] as const) {
    const { code, stderr } = await admin.run(argv, { stdin });
    t.equal(code, 2, argv.join(' '));
    t.ok(stderr.includes(limit), stderr);
  }
  t.match((await admin.run(['plan', '--file', '-'], { stdin: wide })).stderr, limit);
  await admin.json([...edit, evil, '--yes']);
  await admin.json(['type', 'edit', 'ozon', '--cache-seconds', '5'], {});
  await admin.json(['type', 'edit', 'ozon', '--remove-destination', evil]);
  await admin.json([...edit, 'https://api-seller.ozon.ru/v3']);
  await admin.json(['type', 'undo', 'ozon', '--yes']);
  await admin.json(['type', 'delete', 'ozon', '--yes']);
  const { stderr } = await admin.run(['type', 'undo', 'ozon', '--dry-run']);
  t.notMatch(stderr, 'no host of');
});

t.test('a preset of accounts with hosts of their own asks for one', async (t) => {
  const admin = await install(t);
  for (const [preset, hint] of [
    ['shopify-admin', 'name it: --destination https://NAME.myshopify.com'],
    ['woocommerce', 'name it: --destination https://…'],
    ['basic', 'name it: --destination https://…'],
  ] as const) {
    const { code, stderr } = await admin.run(put('x', preset));
    t.equal(code, 2);
    t.match(stderr, /has a host of its own, so the type needs a destination/);
    t.match(stderr, hint);
  }
});

t.test('other options override what a preset has', async (t) => {
  const admin = await install(t);
  const { policy } = await admin.json(
    put(
      ...([
        'wb',
        'wildberries',
        '--cache-seconds',
        '5',
        '--no-scrub',
        '--public-field',
        'a',
      ] as const),
      ...[
        '--header',
        'Authorization: Bearer {token}',
        '--probe',
        'GET https://content-api.wildberries.ru/ping',
      ],
    ),
  );
  t.match(policy, {
    cacheSeconds: 5,
    scrub: false,
    publicFields: ['a'],
    injection: { headers: { Authorization: 'Bearer {token}' } },
    probe: { method: 'GET', url: 'https://content-api.wildberries.ru/ping' },
  });
  const { code, stderr } = await admin.run([
    'type',
    'put',
    'x',
    '--destination',
    'https://a.example',
    '--sandbox',
  ]);
  t.equal(code, 2);
  t.match(stderr, /need --preset/);
});

t.test('diff says how a type differs from its preset', async (t) => {
  const admin = await install(t);
  await admin.run(put('ozon', 'ozon-seller'));
  t.match(
    (await admin.run(['preset', 'diff', 'ozon'])).stdout,
    /revision 2; .* 2\nno differences\n/,
  );
  await admin.run([
    'type',
    'edit',
    'ozon',
    '--add-destination',
    'https://evil.example',
    '--no-probe',
    '--yes',
  ]);
  const { changes } = await admin.json(['preset', 'diff', 'ozon']);
  t.same(
    changes.map(({ member }: { member: string }) => member),
    ['destinations', 'probe'],
  );
  const { stdout } = await admin.run(['preset', 'diff', 'ozon']);
  t.match(stdout, /destinations +preset \["https:\/\/api-seller.ozon.ru"\], type .*evil/);
  await admin.run(['type', 'put', 'own', '--destination', 'https://a.example']);
  t.match((await admin.run(['preset', 'diff', 'own'])).stderr, /was made of no preset/);
  for (const [id, preset, ...more] of [
    ['shop', 'shopify-admin', '--destination', 'https://shop-1.myshopify.com'],
    ['mega', 'megamarket', '--header', 'Authorization: Bearer {token}'],
    ['wb', 'wildberries', '--sandbox', '--auth', 'token-and-service-secret'],
  ] as const) {
    t.equal((await admin.run(put(id, preset, ...more))).code, 0);
    t.match((await admin.run(['preset', 'diff', id])).stdout, /no differences/, id);
  }
});

t.test('list and show print each preset, as text and as JSON', async (t) => {
  const admin = await install(t);
  const listed = await admin.json(['preset', 'list']);
  const { stdout } = await admin.run(['preset', 'list']);
  t.equal(stdout.trimEnd().split('\n').length, listed.length + 1);
  for (const { id } of listed) {
    const shown = await admin.run(['preset', 'show', id]);
    t.equal(shown.code, 0, id);
    t.match(shown.stdout, /\nSources:\n {2}\[1\] /, id);
    t.notMatch(shown.stdout, /undefined|\[object/, id);
    t.equal((await admin.json(['preset', 'show', id])).id, id);
  }
});

t.test('show leaves no fact of a file out', async (t) => {
  const admin = await install(t);
  // Forms are for the warnings of token put; the others are told in words.
  const unshown = ['form', 'own', 'seconds', 'injection', 'needs'];
  const textsOf = (value: unknown): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) =>
          unshown.includes(key) ? [] : textsOf(inner),
        )
      : typeof value === 'boolean'
        ? []
        : [String(value)];
  for (const { id } of await admin.json(['preset', 'list'])) {
    const { stdout } = await admin.run(['preset', 'show', id]);
    const missing = textsOf(await admin.json(['preset', 'show', id])).filter(
      (text) => !stdout.includes(text),
    );
    t.same(missing, [], id);
  }
});

t.test('a file of types takes preset and probe, and export prints them', async (t) => {
  const admin = await install(t);
  await admin.run(put('wb', 'wildberries'));
  const { stdout } = await admin.run(['export']);
  t.match(stdout, /preset:\n {6}id: wildberries\n/);
  const plan = await admin.run(['plan', '--file', '-'], { stdin: stdout });
  t.equal(plan.stdout, 'no changes\n');
  const { code } = await admin.run(['plan', '--file', '-'], {
    stdin: stdout.replace('https://common-api.wildberries.ru/ping', 'https://evil.example/ping'),
  });
  t.equal(code, 1, 'a probe goes where tokens go');
});

t.test('a probe goes where tokens go, or is refused', async (t) => {
  const admin = await install(t);
  const own = ['type', 'put', 'x', '--destination', 'https://a.example/v1', '--probe'];
  for (const [probe, fault] of [
    ['GET https://evil.example/', /the probe GET https:\/\/evil.example\/: No destination/],
    ['GET https://a.example/v2', /No destination/],
    ['GET https://a.example/v1/%2e%2e/x', /the probe/],
    ['GET a', /the probe GET a: The URL does not parse/],
    ['TRACE https://a.example/v1/me', /is not a method and a URL/],
    ['https://a.example/v1/me', /is not a method and a URL/],
  ] as const) {
    const { code, stderr } = await admin.run([...own, probe]);
    t.equal(code, 2, probe);
    t.match(stderr, fault);
  }
  t.equal((await admin.run([...own, 'GET https://a.example/v1/me'])).code, 0);
  t.match(
    (await admin.run(['type', 'show', 'x'])).stdout,
    /probe +GET https:\/\/a.example\/v1\/me/,
  );
});

t.test('a type has what selects the operation by its preset', async (t) => {
  const admin = await install(t);
  const shop = await admin.json(put('shop', 'woocommerce', '--destination', 'https://a.example'));
  const names = ['rest_route', '_method'];
  t.same(shop.policy.routedBy, { query: names, form: names });
  const lamoda = await admin.json(put('lamoda', 'lamoda-seller', '--renewed-elsewhere'));
  t.same(lamoda.policy.routedBy, { body: true });
  const own = await admin.json(put('rakuten', 'rakuten-fr', '--routed-by-body'));
  t.same(own.policy.routedBy, { body: true });
  t.match(await admin.json(['preset', 'diff', 'rakuten']), { changes: [{ member: 'routedBy' }] });
});

t.test("a type drops an SDK's signature, unless the app alone can sign", async (t) => {
  const admin = await install(t);
  const shop = await admin.json(put('shop', 'woocommerce', '--destination', 'https://a.example'));
  t.same(shop.policy.dropQuery, ['oauth_*', 'consumer_key', 'consumer_secret']);
  const injected = ['--header', 'x-tts-access-token: {accessToken}', '--renewed-elsewhere'];
  for (const preset of ['tiktok-shop', 'lazada', 'kaufland']) {
    const { policy } = await admin.json(put('signed', preset, ...injected, '--yes'));
    t.notOk('dropQuery' in policy || 'dropHeaders' in policy, preset);
  }
});

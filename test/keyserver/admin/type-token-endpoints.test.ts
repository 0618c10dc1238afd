import t from 'tap';
import { install } from './installation.ts';

t.test('a preset names its token endpoints, where an SDK of this type asks', async (t) => {
  const admin = await install(t);
  for (const [preset, options, endpoints] of [
    ['amazon-sp-api', [], ['https://api.amazon.com/auth/o2/token']],
    ['amazon-sp-api', ['--sandbox'], ['https://api.amazon.com/auth/o2/token']],
    [
      'ebay',
      [],
      ['https://api.ebay.com', 'https://apiz.ebay.com'].map(
        (origin) => `${origin}/identity/v1/oauth2/token`,
      ),
    ],
    [
      'ebay',
      ['--sandbox'],
      ['https://api.sandbox.ebay.com', 'https://apiz.sandbox.ebay.com'].map(
        (origin) => `${origin}/identity/v1/oauth2/token`,
      ),
    ],
    [
      'ebay',
      ['--destination', 'https://api.ebay.com:8443', '--yes'],
      ['https://api.ebay.com:8443', 'https://api.ebay.com'].map(
        (origin) => `${origin}/identity/v1/oauth2/token`,
      ),
    ],
    [
      'shopify-admin',
      ['--auth', 'client-credentials', '--destination', 'https://shop-1.myshopify.com'],
      ['https://shop-1.myshopify.com/admin/oauth/access_token'],
    ],
    ['ozon-seller', [], undefined],
    ['ozon-seller', ['--auth', 'oauth'], ['https://xapi.ozon.ru/oauth/token']],
    ['lamoda-b2b', ['--token-endpoint', 'https://a.example/own'], ['https://a.example/own']],
  ] as const) {
    const { code, stderr } = await admin.run([
      ...['type', 'put', 'x', '--preset', preset, ...options],
      ...(preset === 'ozon-seller' && options.length === 0 ? [] : ['--renewed-elsewhere']),
    ]);
    t.equal(code, 0, stderr);
    const { policy } = await admin.json(['type', 'show', 'x']);
    t.same(policy.tokenEndpoints, endpoints, [preset, ...options].join(' '));
  }
});

t.test('options set, add and remove them, and show prints them', async (t) => {
  const admin = await install(t);
  const put = ['type', 'put', 'x', '--destination', 'https://a.example'];
  const [one, two] = ['https://a.example/token', 'https://b.example/token'];
  t.equal((await admin.run([...put, '--token-endpoint', one, '--token-endpoint', two])).code, 0);
  await admin.run(['type', 'edit', 'x', '--remove-token-endpoint', one]);
  t.match((await admin.run(['type', 'show', 'x'])).stdout, /token endpoints +https:\/\/b\.example/);
  await admin.run(['type', 'edit', 'x', '--add-token-endpoint', one]);
  t.same((await admin.json(['type', 'show', 'x'])).policy.tokenEndpoints, [two, one]);
});

t.test('one that cannot be meant is refused', async (t) => {
  const admin = await install(t);
  const put = ['type', 'put', 'x', '--destination', 'https://a.example'];
  for (const [url, fault] of [
    ['https://a.example', /is not an origin and a path/],
    ['https://a.example/', /would stand for a whole host/],
    ['https://a.example/token?a=1', /is not an origin and a path/],
    ['https://a.example/x%2F..%2Ftoken', /could read in two ways/],
    ['https://A.example/token', /is not usable/],
    ['http://a.example/token', /is not https/],
    ['https://*.a.example/token', /may not have a \* in its host/],
  ] as const) {
    const { code, stderr } = await admin.run([...put, '--token-endpoint', url]);
    t.equal(code, 2, url);
    t.match(stderr, fault, url);
  }
  const probe = ['--token-endpoint', 'https://a.example/token', '--probe'];
  for (const url of ['https://a.example/token', 'https://a.example/Token']) {
    t.match((await admin.run([...put, ...probe, `GET ${url}`])).stderr, /token endpoint/);
  }
});

t.test('explain says that the proxy answers', async (t) => {
  const admin = await install(t);
  const endpoint = ['--token-endpoint', 'https://b.example/token'];
  await admin.run(['type', 'put', 'x', '--destination', 'https://a.example', ...endpoint]);
  await admin.run(['token', 'put', '--client', 'shop', '--type', 'x'], { stdin: 'made-up-token' });
  await admin.run(['app', 'create', 'sdk']);
  await admin.run(['grant', 'add', 'sdk', '--client', 'shop', '--type', 'x', '--path', '/v1/*']);
  const explain = ['explain', '--app', 'sdk', '--client', 'shop', '--type', 'x', '--url'];
  const { code, stdout } = await admin.run([...explain, '~b.example/token']);
  t.equal(code, 0);
  t.match(stdout, /destination +ok +https:\/\/b\.example\/token, which the proxy answers itself/);
  t.equal((await admin.run([...explain, '~b.example/token/'])).code, 1);
});

import t, { type Test } from 'tap';
import { releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

async function setUp(t: Test, settings: Readonly<Record<string, string>> = {}) {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url] }),
    settings,
  });
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/v1?q=1` };
  return { upstream, proxy, required };
}

t.test("refuses pages of other sites in a user's browser", async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  const own = new URL(proxy.url).host;
  for (const headers of [
    ['sec-fetch-site', 'cross-site'],
    ['sec-fetch-site', 'same-site'],
    // Browsers omit Sec-Fetch-Site over plain http.
    ['origin', 'https://evil.example'],
    ['origin', 'null'],
    ['origin', `http://${own}.evil.example`],
    ['origin', 'http://127.0.0.1:1'],
  ]) {
    t.match(
      await proxy.call(required, { headers }),
      { status: 400, problem: { code: 'request_invalid', reason: 'cross_site' } },
      headers.join(': '),
    );
  }
  t.equal(upstream.requests.length, 0);
  for (const headers of [
    ['sec-fetch-site', 'same-origin'],
    ['sec-fetch-site', 'none'],
    ['origin', `http://${own}`],
  ]) {
    t.equal((await proxy.call(required, { headers })).status, 200, headers.join(': '));
  }
});

t.test('a name of its own does not let a page call, with or without a key', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  const key = ['authorization', `Bearer ${someAppKey}`];
  for (const host of [
    'evil.example:5004',
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.localhost',
    '127.0.0.1@evil.example',
  ]) {
    for (const from of [
      ['origin', `http://${host}`],
      ['sec-fetch-site', 'same-origin'],
      ['sec-fetch-site', 'none'],
      ['sec-fetch-dest', 'empty'],
    ]) {
      t.match(
        await proxy.call(required, { headers: ['host', host, ...from, ...key] }),
        { status: 400, problem: { code: 'request_invalid', reason: 'cross_site' } },
        `${host} ${from}`,
      );
    }
    t.match(
      await proxy.call(required, { headers: ['host', host] }),
      {
        status: 401,
        problem: { code: 'caller_unauthenticated', reason: 'host_untrusted', detail: /spk_/ },
      },
      host,
    );
  }
  t.equal(upstream.requests.length, 0);
  for (const headers of [
    // Programs with a key may use any name; Node's fetch sends Sec-Fetch-Mode.
    ['host', 'proxy.internal:5004', 'sec-fetch-mode', 'cors', ...key],
    ...[
      'localhost:5004',
      '127.0.0.1',
      '127.8.8.8:1',
      '[::1]:5004',
      '10.0.0.1:5004',
      '[fd00::1]',
      'LOCALHOST',
    ].map((host) => ['host', host]),
    ['host', '10.0.0.1:5004', 'origin', 'http://10.0.0.1:5004', 'sec-fetch-site', 'same-origin'],
  ]) {
    t.equal((await proxy.call(required, { headers })).status, 200, headers.join(' '));
  }
});

t.test('takes calls of pages and without a key at hosts of TRUSTED_HOSTS', async (t) => {
  const { proxy, required } = await setUp(t, { TRUSTED_HOSTS: 'Proxy.internal, прокси.example' });
  for (const host of ['proxy.internal', 'proxy.internal:5004', 'xn--h1adldfi.example']) {
    t.equal((await proxy.call(required, { headers: ['host', host] })).status, 200, host);
    const page = ['host', host, 'origin', `http://${host}`];
    t.equal((await proxy.call(required, { headers: page })).status, 200, host);
  }
  for (const host of ['x.proxy.internal', 'proxy.internal.', 'internal']) {
    t.equal((await proxy.call(required, { headers: ['host', host] })).status, 401, host);
  }
});

import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { loopback, startProxy } from '../../support/proxy.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

const token = 'made-up-token-of-acme';

/** A marketplace and a storage of reports, to which no token goes. */
async function setUp(t: Test, policy: Partial<Policy> = {}) {
  const market = await startUpstream(t);
  const storage = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('shop', {
    destinations: [`${market.url}/v1`],
    plainDestinations: [market.url, `${storage.url}/reports`],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
    ...policy,
  });
  await keyserver.putToken('acme', 'shop', token);
  const app = ['authorization', `Bearer ${await keyserver.putApp('orders')}`];
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
  const members = { ClientId: 'acme', TokenType: 'shop', Method: 'GET' };
  return {
    market,
    storage,
    call: (ApiUri: string, Headers = {}) =>
      proxy.call({ ...members, ApiUri, Headers }, { headers: app }),
    forward: (rest: string) => proxy.send(`/forward/acme/shop${rest}`, { headers: app }),
    explain: async (ApiUri: string) => {
      const { text } = await proxy.send('/explain', {
        method: 'POST',
        headers: [...app, 'content-type', 'application/json'],
        body: JSON.stringify({ ...members, ApiUri }),
      });
      return JSON.parse(text);
    },
  };
}

const injections = {
  headers: { scheme: 'headers', headers: { 'Api-Key': '{token}' } },
  query: { scheme: 'query', query: { Signature: '{token}' } },
  basic: { scheme: 'basic', username: 'u', password: '{token}' },
} as const;

for (const [name, injection] of Object.entries(injections)) {
  t.test(`no token goes to a plain destination, by ${name}`, async (t) => {
    const dropQuery = ['Signature', 'Expires'];
    const { market, storage, call, forward } = await setUp(t, { injection, dropQuery });
    const link = '/reports/1.csv?Expires=9&Signature=a%2Fb%3D&x=';
    const host = `~${new URL(storage.url).host}`;
    const own = { Authorization: 'Bearer mine', ...(name === 'headers' && { 'Api-Key': 'mine' }) };
    t.equal((await call(storage.url + link, own)).status, 200);
    t.equal((await call(host + link)).status, 200);
    t.equal((await forward(`/${host}${link}`)).status, 200);
    t.equal(storage.requests.length, 3);
    for (const { target, head } of storage.requests) {
      t.equal(target, link, 'the link as it was signed');
      t.notMatch(head, /made-up|authorization|api-key|mine|spk_/i);
    }
    // The same host gets the token under the path of a destination alone.
    for (const path of ['/v2', '/v10', '/v1%2F..%2Fx', '/v1/..;/x']) await call(market.url + path);
    t.equal(market.requests.length, 4);
    for (const { target, head } of market.requests) {
      t.notMatch(target + head, /made-up|authorization|api-key/i, target);
    }
    await call(`${market.url}/v1/x`);
    const { target = '', head = '' } = market.requests.at(-1) ?? {};
    t.match(target + head, /made-up|Authorization: Basic/i);
  });
}

t.test('all else is judged and searched as ever', async (t) => {
  const { storage, call } = await setUp(t);
  for (const path of ['/', '/reportsx', '/reports/..%2fx']) {
    t.match((await call(storage.url + path)).problem, { reason: 'not_listed' }, path);
  }
  t.equal(storage.requests.length, 0);
  storage.script((socket) => void socket.write(answer(200, `{"a":"${token}"}`)));
  const { status, text } = await call(`${storage.url}/reports`);
  t.strictSame([status, text], [200, '{"a":"[redacted]"}']);
});

t.test('what it says of limits is not heeded', async (t) => {
  const { storage, market, call } = await setUp(t, { limits: ['1000/s'] });
  storage.script((socket) => void socket.write(answer(429, 'wait', [['Retry-After', '60']])));
  t.match(await call(`${storage.url}/reports`), { status: 429, text: 'wait' });
  t.match(await call(`${market.url}/v1`), { status: 200 });
});

t.test('a redirect to a plain destination is one to its path at /forward', async (t) => {
  const { market, storage, forward } = await setUp(t);
  const link = `${storage.url}/reports/1?sig=x`;
  market.script((socket) => void socket.write(answer(302, '', [['Location', link]])));
  const { host } = new URL(storage.url);
  t.strictSame((await forward('/v1/x')).all('location'), [
    `/forward/acme/shop/~${host}/reports/1?sig=x`,
  ]);
});

t.test('an explanation says that nothing is injected', async (t) => {
  const { storage, market, explain } = await setUp(t, { injection: injections.headers });
  const stepOf = (explained: { steps: { step: string }[] }, name = 'destination') =>
    explained.steps.find(({ step }) => step === name);
  const plain = await explain(`${storage.url}/reports/1`);
  t.match(stepOf(plain), { destination: `${storage.url}/reports`, plain: true });
  t.match(stepOf(plain, 'injection'), { ok: true, headers: [], query: [] });
  t.notOk(plain.request.headers.includes('Api-Key'));
  const usual = await explain(`${market.url}/v1`);
  t.notOk('plain' in (stepOf(usual) ?? {}));
  t.match(stepOf(usual, 'injection'), { headers: ['Api-Key'] });
  t.ok(usual.request.headers.includes('Api-Key'));
});

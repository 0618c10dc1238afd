import t, { type Test } from 'tap';
import { Client } from 'undici';
import type { Policy } from '../../../shared/policy/schema.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { loopback, startProxy } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

const drops = { dropQuery: ['sign', 'access_token', 'oauth_*'], dropHeaders: ['Shop-*'] };

/** The same call at both ways in, of an app whose grant has rules. */
async function setUp(t: Test, policy: Partial<Policy>) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('shop', {
    destinations: [upstream.url],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
    ...policy,
  });
  await keyserver.putToken('acme', 'shop', 'made-up-token');
  const grants = [{ client: 'acme', type: 'shop', paths: ['/v1*'] }];
  const app = ['authorization', `Bearer ${await keyserver.putApp('orders', { grants })}`];
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
  const call = { ClientId: 'acme', TokenType: 'shop', Method: 'GET' };
  return {
    upstream,
    both: async (path: string, headers: readonly string[] = []) => {
      const forwarded = await proxy.send(`/forward/acme/shop${path}`, {
        headers: [...app, ...headers],
      });
      const Headers: Record<string, string> = {};
      for (let at = 0; at < headers.length; at += 2)
        Headers[`${headers[at]}`] = `${headers[at + 1]}`;
      const enveloped = await proxy.call({ ...call, ApiUri: path, Headers }, { headers: app });
      return [forwarded, enveloped].map(({ status, problem }) => problem.reason ?? status);
    },
    explain: async (members: object) => {
      const { text } = await proxy.send('/explain', {
        method: 'POST',
        headers: [...app, 'content-type', 'application/json'],
        body: JSON.stringify({ ...call, ...members }),
      });
      return JSON.parse(text);
    },
  };
}

t.test('the signature of an SDK is not sent, and all else is', async (t) => {
  const { upstream, both } = await setUp(t, drops);
  const headers = ['Shop-Signature', 'mine', 'X-Kept', 'b'];
  for (const [query, left] of [
    ['?a=1&sign=x&b=%2f&OAuth_Nonce=y', '?a=1&b=%2f'],
    ['?sign=x', ''],
    ['?a=b', '?a=b'],
    ['', ''],
  ]) {
    t.strictSame(await both(`/v1${query}`, headers), [200, 200]);
    for (const { target, head } of upstream.requests.slice(-2)) {
      t.equal(target, `/v1${left}`);
      t.match(head, /x-kept: b/i);
      t.notMatch(head, /signature/i);
      t.match(head, /Bearer made-up-token/);
    }
  }
  t.equal(upstream.requests.length, 8);
});

t.test('what the type injects itself is no collision if it drops it', async (t) => {
  const injection = { scheme: 'query', query: { access_token: '{token}' } } as const;
  const { upstream, both } = await setUp(t, { ...drops, injection });
  for (const query of ['?access_token=mine', '?Access.Token[]=mine', '?access_token=a&sign=b']) {
    t.strictSame(await both(`/v1${query}`), [200, 200], query);
  }
  t.ok(upstream.requests.every(({ target }) => target === '/v1?access_token=made-up-token'));
  const hidden = await both('/v1?a=1;access_token=mine');
  t.strictSame(hidden, ['injected_parameter', 'injected_parameter']);
  t.equal(upstream.requests.length, 6);
});

t.test('what is left is judged, by KeyServer too', async (t) => {
  const routedBy = { query: ['sign', 'action'] };
  const { upstream, both } = await setUp(t, { ...drops, routedBy });
  t.strictSame(await both('/v1?sign=x&action=y'), ['routed_query', 'routed_query']);
  t.strictSame(await both('/v2?sign=x'), ['path', 'path']);
  t.equal(upstream.requests.length, 0);
  t.strictSame(await both('/v1?sign=x'), [200, 200]);
});

t.test('an explanation shows what is dropped', async (t) => {
  const { explain } = await setUp(t, drops);
  const { allowed, request, steps } = await explain({
    ApiUri: '/v1?a&sign=x',
    Headers: { 'Shop-Signature': 'mine' },
  });
  t.ok(allowed);
  t.match(request.url, /\/v1\?a$/);
  const { dropped } = steps.find(({ step }: { step: string }) => step === 'request');
  t.match(dropped, [{ name: 'Shop-Signature', why: 'dropped' }]);
});

t.test('equal headers on one connection are judged anew for each type', async (t) => {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  const destined = {
    destinations: [upstream.url],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
  };
  const injection = { scheme: 'headers', headers: { 'X-Shop': '{token}' } } as const;
  const types = { open: {}, dropping: drops, injecting: { injection } };
  for (const [type, policy] of Object.entries(types)) {
    await keyserver.putType(type, { ...destined, ...policy });
    await keyserver.putToken('acme', type, `made-up-${type}`);
  }
  const grants = [{ client: 'acme', type: '*' }];
  const authorization = `Bearer ${await keyserver.putApp('orders', { grants })}`;
  const proxy = await startProxy(t, {
    keyserverUrl: keyserver.url,
    proxyKey: await keyserver.putProxy('edge'),
  });
  const client = new Client(proxy.url);
  t.teardown(() => client.close());
  const headers = { authorization, 'shop-signature': 'a', 'x-shop': 'b', 'x-kept': 'c' };
  const sentFor = async (type: string) => {
    const path = `/forward/acme/${type}/v1`;
    const { statusCode, body } = await client.request({ path, method: 'GET', headers });
    await body.dump();
    t.equal(statusCode, 200);
    const request = upstream.requests.at(-1);
    const names = ['authorization', 'shop-signature', 'x-shop', 'x-kept'];
    return names.map((name) => request?.all(name).join());
  };
  for (let round = 0; round < 2; round++) {
    t.strictSame(await sentFor('open'), ['Bearer made-up-open', 'a', 'b', 'c']);
    t.strictSame(await sentFor('dropping'), ['Bearer made-up-dropping', '', 'b', 'c']);
    t.strictSame(await sentFor('injecting'), ['', 'a', 'made-up-injecting', 'c']);
  }
});

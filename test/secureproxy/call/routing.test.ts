import t, { type Test } from 'tap';
import type { Grant, RoutedBy } from '../../../shared/policy/schema.ts';
import { spellings } from '../../shared/policy/parameters/spellings.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { loopback, startProxy } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

const wordpress: RoutedBy = { query: ['rest_route', '_method'], form: ['rest_route', '_method'] };
const form = 'application/x-www-form-urlencoded';

/** A pair whose app `limited` has grants with rules, and `free` one without. */
async function startPairOf(t: Test, routedBy: RoutedBy) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  const policy = { destinations: [upstream.url], unsafePlaintext: true };
  await keyserver.putType('shop', { ...policy, unsafeAllowPrivate: loopback, routedBy });
  await keyserver.putToken('acme', 'shop', 'made-up-token');
  const names = { client: 'acme', type: 'shop' };
  const grants: Grant[] = [
    { ...names, methods: ['GET'] },
    { ...names, methods: ['POST'], paths: ['/wc/*'] },
  ];
  const keys = {
    limited: await keyserver.putApp('limited', { grants }),
    free: await keyserver.putApp('free', { grants: [...grants, names] }),
  };
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
  const bearer = (app: keyof typeof keys) => ['authorization', `Bearer ${keys[app]}`];
  const members = { ClientId: 'acme', TokenType: 'shop' };
  return {
    upstream,
    proxy,
    bearer,
    /** The same call at both ways in. */
    both: async (
      app: keyof typeof keys,
      path: string,
      sent: { body?: string; type?: string | null } = {},
    ) => {
      const { body, type = 'application/json' } = sent;
      const headers = body === undefined || type === null ? [] : ['content-type', type];
      const method = body === undefined ? 'GET' : 'POST';
      const forwarded = await proxy.send(`/forward/acme/shop${path}`, {
        method,
        headers: [...bearer(app), ...headers],
        ...(body !== undefined && { body }),
      });
      const call = { ...members, ApiUri: path, Method: method };
      const enveloped = await proxy.call(
        {
          ...call,
          ...(body !== undefined && { BodyBase64: btoa(body) }),
          ...(headers.length > 0 && { Headers: { 'Content-Type': type } }),
        },
        { headers: bearer(app) },
      );
      return [forwarded, enveloped].map(({ status, problem }) => problem.reason ?? status);
    },
    explain: async (app: keyof typeof keys, more: object) => {
      const { text } = await proxy.send('/explain', {
        method: 'POST',
        headers: [...bearer(app), 'content-type', 'application/json'],
        body: JSON.stringify({ ...members, Method: 'GET', ...more }),
      });
      return JSON.parse(text);
    },
  };
}

t.test('a query that selects another operation is sent under no rule', async (t) => {
  const { upstream, both } = await startPairOf(t, wordpress);
  for (const query of [...spellings, '_method=DELETE']) {
    const path = `/wc/v3/products?${query}`;
    t.strictSame(await both('limited', path), ['routed_query', 'routed_query'], query);
  }
  t.equal(upstream.requests.length, 0);
  // Now the release is cached, and the proxy alone judges.
  t.strictSame(await both('limited', '/wc/v3/products?search=rest_route'), [200, 200]);
  for (const query of spellings) {
    t.strictSame(await both('limited', `/wc?${query}`), ['routed_query', 'routed_query'], query);
    t.strictSame(await both('free', `/wc?${query}`), [200, 200], query);
  }
  t.equal(upstream.requests.length, 2 + 2 * spellings.length);
});

t.test('the override headers of servers go upstream under no grant', async (t) => {
  const { upstream, proxy, bearer } = await startPairOf(t, wordpress);
  const headers = [...bearer('limited'), 'X-HTTP-Method-Override', 'DELETE'];
  t.equal((await proxy.send('/forward/acme/shop/wc', { headers })).status, 200);
  t.ok(upstream.requests.every(({ head }) => !/override/i.test(head)));
});

t.test('a body that a server may take for a form with such a member is not sent', async (t) => {
  const { upstream, both } = await startPairOf(t, wordpress);
  const routed = ['routed_form', 'routed_form'];
  const multipart = '--x\r\nContent-Disposition: form-data; name="_method"\r\n\r\nPUT\r\n--x--';
  for (const [body, type] of [
    ['_method=DELETE', form],
    ['a=1&rest[route=/wc/v3/orders', form],
    [multipart, 'multipart/form-data; boundary=x'],
    ['_method=DELETE', null],
    ['_method=DELETE', `${form}, application/json`],
    ['_method=DELETE', 'application/json, text/plain'],
    ['_method=DELETE', `${form}; charset=utf-7`],
  ] as const) {
    t.strictSame(await both('limited', '/wc/v3/orders', { body, type }), routed, `${type}`);
  }
  t.equal(upstream.requests.length, 0);
  // A streamed form is not read.
  const plain = { body: 'name=rest_route', type: form };
  t.strictSame(await both('limited', '/wc/v3/orders', plain), ['routed_form', 200]);
  t.strictSame(await both('limited', '/wc/v3/orders', { body: '{}' }), [200, 200]);
  t.strictSame(await both('limited', '/wc/v3/orders', { body: '', type: null }), [200, 200]);
  t.strictSame(
    await both('free', '/wc/v3/orders', { body: '_method=PUT', type: form }),
    [200, 200],
  );
});

t.test('a type that Connection takes away is none', async (t) => {
  const { upstream, proxy, bearer } = await startPairOf(t, wordpress);
  const Headers = { 'Content-Type': 'application/json', Connection: 'content-type' };
  const call = { ClientId: 'acme', TokenType: 'shop', ApiUri: '/wc/v3', Body: '_method=PUT' };
  const { problem } = await proxy.call({ ...call, Headers }, { headers: bearer('limited') });
  t.equal(problem.reason, 'routed_form');
  t.equal(upstream.requests.length, 0);
});

t.test('types that are routed by bodies serve grants without rules alone', async (t) => {
  const { upstream, both } = await startPairOf(t, { body: true });
  t.strictSame(await both('limited', '/wc/v1', { body: '{}' }), ['routed_body', 'routed_body']);
  t.strictSame(await both('limited', '/wc/v1'), ['routed_body', 'routed_body']);
  t.equal(upstream.requests.length, 0);
  t.strictSame(await both('free', '/wc/v1', { body: '{}' }), [200, 200]);
});

t.test('an explanation names the step and the grant that counts', async (t) => {
  const { explain } = await startPairOf(t, wordpress);
  const query = { ApiUri: '/wc/v3/orders?_method=DELETE' };
  const refused = await explain('limited', query);
  t.match(refused, { allowed: false, code: 'grant_denied', reason: 'routed_query' });
  t.match(refused.steps.at(-1), { step: 'operation', ok: false, reason: 'routed_query' });
  const allowed = await explain('free', query);
  t.match(allowed, { allowed: true });
  const grantAt = (name: string) =>
    allowed.steps.find(({ step }: { step: string }) => step === name).grant;
  t.strictSame(grantAt('grant').methods, ['GET']);
  t.notOk(grantAt('operation').methods);
  const body = { Method: 'POST', ApiUri: '/wc/v3', Body: 'a', Headers: { 'Content-Type': form } };
  t.match(await explain('limited', body), { allowed: true });
  t.match((await explain('limited', { ...body, Body: '_method=PUT' })).steps.at(-1), {
    step: 'request',
    ok: false,
    reason: 'routed_form',
  });
});

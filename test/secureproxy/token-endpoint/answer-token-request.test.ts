import t, { type Test } from 'tap';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { loopback, type SendOptions, startProxy } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

const form = (members: Record<string, string>) => new URLSearchParams(members).toString();
const refresh = form({ grant_type: 'refresh_token', refresh_token: 'any' });

/** A marketplace with a token endpoint of its own host, and one elsewhere. */
async function setUp(t: Test, policy: Partial<Policy> = {}) {
  const market = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('shop', {
    destinations: [market.url],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
    tokenEndpoints: [`${market.url}/oauth/token`, 'https://login.example/auth/token'],
    ...policy,
  });
  await keyserver.putToken('acme', 'shop', 'made-up-token-of-acme');
  const key = await keyserver.putApp('orders', {
    grants: [{ client: 'acme', type: 'shop', methods: ['GET'], paths: ['/orders/*'] }],
  });
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
  const bearer = ['authorization', `Bearer ${key}`];
  return {
    ...{ market, keyserver, proxy, key, bearer },
    ask: (path: string, sent: SendOptions = {}) =>
      proxy.send(`/forward/acme/shop${path}`, {
        ...{ method: 'POST', headers: bearer, body: refresh },
        ...sent,
      }),
  };
}

t.test('an SDK gets its app key as the access token, and nothing is sent', async (t) => {
  const { market, proxy, key, ask } = await setUp(t);
  const basic = ['authorization', `Basic ${btoa(`any:${key}`)}`];
  const answer = { access_token: key, token_type: 'bearer', expires_in: 3600 };
  for (const path of ['/oauth/token', '/~login.example/auth/token', '//oauth/token?a=1']) {
    const { status, text, all } = await ask(path, { headers: basic });
    t.strictSame([status, JSON.parse(text)], [200, { ...answer, refresh_token: key }], path);
    t.strictSame(all('cache-control'), ['no-store']);
    t.strictSame(all('pragma'), ['no-cache']);
    t.strictSame(all('content-type'), ['application/json;charset=UTF-8']);
    t.strictSame(all('proxy-status'), ['secureproxy; details="token endpoint"']);
  }
  const json = JSON.stringify({ grant_type: 'client_credentials', client_secret: key });
  t.strictSame(JSON.parse((await ask('/oauth/token', { body: json })).text), answer);
  const query = form({ grant_type: 'client_credentials', client_secret: key });
  const got = await proxy.send(`/forward/acme/shop/oauth/token?${query}`);
  t.strictSame(JSON.parse(got.text), answer, 'with all of it in the query');
  t.match(await proxy.requestLine(0), {
    token_request: 'refresh_token',
    app: 'orders',
    client: 'acme',
    'http.response.status_code': 200,
  });
  t.match(await proxy.requestLine(4), { token_request: 'client_credentials' });
  t.notOk('server.address' in (await proxy.requestLine(0)));
  t.equal(market.requests.length, 0);
  t.notMatch(proxy.logText(), key);
});

t.test('without a grant for client and type nobody learns that it is one', async (t) => {
  const { keyserver, ask } = await setUp(t);
  const stranger = await keyserver.putApp('other', { grants: [{ client: 'x', type: 'shop' }] });
  const headers = ['authorization', `Bearer ${stranger}`];
  const [token, call] = [await ask('/oauth/token', { headers }), await ask('/orders', { headers })];
  t.match(token, { status: 403, problem: { code: 'grant_denied', reason: 'no_grant' } });
  t.strictSame(
    { ...token.problem, requestId: '' },
    { ...call.problem, requestId: '' },
    'the same as for any call',
  );
  t.match(await ask('/oauth/token', { headers: [] }), { status: 401 });
});

t.test('a key that was revoked gets no answer', async (t) => {
  const { keyserver, proxy, ask } = await setUp(t);
  t.match(await ask('/oauth/token'), { status: 200 });
  await keyserver.putApp('orders', { grants: [] });
  await keyserver.refresh();
  await proxy.feed.ask();
  t.match(await ask('/oauth/token'), { status: 401 });
});

t.test('other grants, and what is no token request, are refused as OAuth has it', async (t) => {
  // Not as the marketplace has its other errors.
  const { market, ask } = await setUp(t, { errorBody: { message: '{detail}' } });
  const code = form({ grant_type: 'authorization_code', code: 'consent' });
  const { status, text, all } = await ask('/oauth/token', { body: code });
  t.equal(status, 400);
  t.match(JSON.parse(text), {
    error: 'unsupported_grant_type',
    error_description: /consent/,
    code: 'request_invalid',
    reason: 'token_grant',
  });
  t.strictSame(all('content-type'), ['application/json']);
  t.strictSame(all('proxy-status'), ['secureproxy; error=http_request_error']);
  t.strictSame(all('x-secureproxy-error'), ['request_invalid']);
  t.strictSame(all('x-secureproxy-reason'), ['token_grant']);
  for (const sent of [{ body: 'a=1' }, { body: '{' }, { method: 'PUT' }]) {
    const answer = await ask('/oauth/token', sent);
    t.match([answer.status, JSON.parse(answer.text)], [400, { error: 'invalid_request' }]);
  }
  const long = await ask('/oauth/token', { body: `${refresh}&a=${'x'.repeat(64 * 1024)}` });
  t.match(long, { status: 413, problem: { code: 'body_too_large' } });
  t.equal(market.requests.length, 0);
});

t.test('other spellings arrive nowhere', async (t) => {
  const { market, ask, keyserver } = await setUp(t);
  const headers = ['authorization', `Bearer ${await keyserver.putApp('all')}`];
  for (const path of [
    '/oauth/token/',
    '/oauth//token',
    '///oauth/token',
    '/OAuth/token',
    '/oauth/%74oken',
    '/oauth%2Ftoken',
    '/oauth%5Ctoken',
    '/oauth/token;a',
    '/oauth/token.json',
    '/x/%252e%252e/oauth/token',
  ]) {
    const { problem } = await ask(path, { headers });
    t.match(problem, { code: 'destination_denied', reason: 'token_endpoint_spelling' }, path);
  }
  t.match((await ask('/~login.example/other', { headers })).problem, { reason: 'not_listed' });
  t.equal(market.requests.length, 0);
  t.match(await ask('/oauth/tokens', { headers }), { status: 200 });
  t.equal(market.requests.length, 1);
});

t.test('costs nothing of the limits', async (t) => {
  const { market, ask, bearer } = await setUp(t, { limits: ['1/h'] });
  for (let at = 0; at < 3; at++) t.match(await ask('/oauth/token'), { status: 200 });
  const order = { method: 'GET', headers: bearer, body: '' };
  t.match(await ask('/orders/1', order), { status: 200 });
  t.match(await ask('/orders/1', order), { status: 429 });
  t.equal(market.requests.length, 1);
});

t.test('a bound key gets it at the path of the marketplace', async (t) => {
  const { market, keyserver, proxy } = await setUp(t);
  const key = makeCallerKey('spk_', { isBound: true });
  await keyserver.putApp('bound', { key, bound: { clientId: 'acme', tokenType: 'shop' } });
  const headers = ['authorization', `Basic ${btoa(`any:${key}`)}`];
  for (const path of ['/oauth/token', '/~login.example/auth/token']) {
    const { text } = await proxy.send(path, { method: 'POST', headers, body: refresh });
    t.match(JSON.parse(text), { access_token: key }, path);
  }
  const spelled = await proxy.send('/oauth/Token', { method: 'POST', headers, body: refresh });
  t.match(spelled.problem, { reason: 'token_endpoint_spelling' });
  t.equal(market.requests.length, 0);
});

t.test('explains the same, and judges calls in envelopes alike', async (t) => {
  const { proxy, market, bearer, keyserver } = await setUp(t);
  const call = { ClientId: 'acme', TokenType: 'shop', Method: 'POST' };
  const explain = async (ApiUri: string) => {
    const headers = [...bearer, 'content-type', 'application/json'];
    const body = JSON.stringify({ ...call, ApiUri });
    return JSON.parse((await proxy.send('/explain', { method: 'POST', headers, body })).text);
  };
  for (const url of ['/oauth/token', '~login.example/auth/token']) {
    const explained = await explain(url);
    t.match(explained, { allowed: true });
    t.notOk('request' in explained);
    t.match(
      explained.steps.find(({ step }: { step: string }) => step === 'destination'),
      { tokenEndpoint: true },
    );
  }
  t.match(await explain('~login.example/auth/token/'), { allowed: false });
  const headers = ['authorization', `Bearer ${await keyserver.putApp('all')}`];
  const Body = { grant_type: 'client_credentials' };
  for (const ApiUri of ['/oauth/token', `${market.url}/oauth/token`]) {
    const { text } = await proxy.call({ ...call, ApiUri, Body }, { headers });
    t.match(JSON.parse(text), { access_token: /^spk_/ });
  }
  const spelled = await proxy.call(
    { ...call, ApiUri: `${market.url}/oauth/Token`, Body },
    { headers },
  );
  t.match(spelled.problem, { reason: 'token_endpoint_spelling' });
  t.equal(market.requests.length, 0);
});

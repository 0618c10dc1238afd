import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { NoAnswerError, ProxyError, SecureProxy } from '../../../clients/node/src/index.ts';
import { freePort } from '../../support/free-port.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { startPlainUpstream } from '../../support/plain-upstream.ts';
import { loopback, startProxy } from '../../support/proxy.ts';

/** Answers what came, but for paths that are told otherwise. */
const upstream = await startPlainUpstream(t, async (request, response) => {
  const { method, url = '', headers } = request;
  if (url === '/never') return;
  if (url === '/moved') response.setHeader('Location', '/elsewhere');
  if (url === '/forged') {
    response.setHeader(
      'Proxy-Status',
      'x; details="a, secureproxy; error=x", secureproxy; error=x',
    );
  }
  response.statusCode = { '/moved': 302, '/forged': 429 }[url] ?? 200;
  const body = (await buffer(request)).toString('base64');
  response.end(JSON.stringify({ method, url, names: headers['x-name'], body }));
});
const keyserver = await startKeyserver(t);
const type = {
  ...{ destinations: [upstream], unsafePlaintext: true, unsafeAllowPrivate: loopback },
  probe: { method: 'GET', url: `${upstream}/me` } as const,
};
await keyserver.putType('plain/one', type);
await keyserver.putType('limited', { ...type, limits: ['1/h'] });
await keyserver.putToken('shop 1', 'plain/one', 'made-up-token-0f1e2d3c4b5a');
await keyserver.putToken('shop 1', 'limited', 'made-up-token-0f1e2d3c4b5a');
const proxyKey = await keyserver.putProxy('edge');
const appKey = await keyserver.putApp('app', {
  grants: [{ client: 'shop 1', type: '*', paths: ['/*'], methods: ['GET', 'HEAD', 'POST', 'PUT'] }],
});
const { url } = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
const client = new SecureProxy({ url: `${url}/`, appKey, timeoutMs: 60_000 });
const of = { clientId: 'shop 1', tokenType: 'plain/one' };
const base64 = (text: string) => Buffer.from(text).toString('base64');

t.test('a call arrives with its method, headers and body', async (t) => {
  const sent = async (members: object) =>
    (await client.request({ ...of, apiUri: '/a?b=c', ...members })).json();
  t.match(await sent({ body: { a: 1 } }), {
    method: 'POST',
    url: '/a?b=c',
    body: base64('{"a":1}'),
  });
  t.match(await sent({ body: 'text' }), { body: base64('text') });
  t.match(await sent({ body: Buffer.from('xbytes').subarray(1) }), { body: base64('bytes') });
  t.match(await sent({ method: 'GET', headers: { 'x-name': ['a', 'b'] } }), {
    ...{ method: 'GET', names: 'a, b', body: '' },
  });
});

t.test("the marketplace's answer comes as it is, whatever its status", async (t) => {
  const forged = await client.request({ ...of, apiUri: '/forged' });
  t.equal(forged.status, 429);
  t.match(await forged.text(), /"\/forged"/);
  const moved = await client.forward(of.clientId, of.tokenType, '/moved');
  t.equal(moved.status, 302, 'a redirect is not followed');
  t.match(moved.headers.get('location'), /\/forward\/shop%201\/plain%2Fone\/~.+\/elsewhere$/);
});

t.test('a forwarded body is a stream in both directions', async (t) => {
  const body = new Blob(['a stream']).stream();
  const answer = await client.forward(of.clientId, of.tokenType, '/up?x=%2F', {
    ...{ method: 'PUT', body, duplex: 'half' },
  });
  t.match(await answer.json(), {
    ...{ method: 'PUT', url: '/up?x=%2F', body: base64('a stream') },
  });
  t.equal(client.forwardUrl(of.clientId, of.tokenType), `${url}/forward/shop%201/plain%2Fone`);
});

t.test("the proxy's own answer is thrown, with what to do", async (t) => {
  const refused = client.request({ ...of, clientId: 'other', apiUri: '/' });
  await t.rejects(refused, ProxyError);
  await t.rejects(refused, {
    ...{ code: 'grant_denied', reason: 'no_grant', status: 403, retryAfterMs: undefined },
    ...{ requestId: /^[0-9a-f-]{36}$/, message: /^grant_denied: / },
  });
  const limited = { ...of, tokenType: 'limited', apiUri: '/' };
  t.equal((await client.request(limited)).status, 200);
  const over = await client.request(limited).catch((error) => error);
  t.match(over, { code: 'rate_limited', reason: 'limit_reached', status: 429 });
  t.ok(over.retryAfterMs > 3_000_000 && over.retryAfterMs <= 3_600_000);
  await t.rejects(
    client.forward('other', of.tokenType, '/', { method: 'HEAD' }),
    { code: 'unknown', status: 403, requestId: /./ },
    'an answer to HEAD has no body',
  );
  await t.rejects(new SecureProxy({ url, appKey: 'a-token' }).check('shop 1', 'limited'), {
    code: 'caller_unauthenticated',
  });
});

t.test('explain and check tell what they found', async (t) => {
  t.match(await client.explain({ ...of, apiUri: '/a', method: 'DELETE' }), {
    ...{ allowed: false, code: 'grant_denied', reason: 'method' },
  });
  t.match(await client.check(of.clientId, of.tokenType), { verdict: 'valid', status: 200 });
});

t.test('a call ends with its signal, its limit, or if there is no proxy', async (t) => {
  const reason = new Error('the user left');
  const never = { ...of, apiUri: '/never' };
  const left = new AbortController();
  const call = client.request({ ...never, signal: left.signal });
  setImmediate(() => left.abort(reason));
  await t.rejects(call, reason);

  const hurried = new SecureProxy({ url, appKey, timeoutMs: 200 });
  const late = { code: 'upstream_timeout', status: 504 };
  await t.rejects(hurried.request(never), late, 'the proxy keeps the limit');
  await t.rejects(hurried.forward(of.clientId, of.tokenType, '/never'), late);
  const silent = await startPlainUpstream(t, () => undefined);
  const lost = new SecureProxy({ url: silent, appKey, timeoutMs: 1 }).request(never);
  await t.rejects(lost, NoAnswerError, 'and the client, if the proxy does not');
  const none = new SecureProxy({ url: `http://127.0.0.1:${await freePort()}`, appKey });
  await t.rejects(none.request(never), {
    name: 'NoAnswerError',
    cause: { message: 'fetch failed' },
  });
});

import t, { type Test } from 'tap';
import type { Injection } from '../../../shared/policy/injection/schema.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { answers, startUpstream } from '../../support/upstream.ts';

async function setUp(t: Test, injection: Injection, fields: Release['fields']) {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], injection }, { fields }),
  });
  const call = (more: object = {}) =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/v1`, ...more });
  return { upstream, proxy, call };
}

const twoHeaders: Injection = {
  scheme: 'headers',
  headers: { 'Client-Id': '{id}', 'Api-Key': 'Key {token}' },
};
const fields = { id: '42', token: 'fixture-token' };

t.test('puts several headers on a request, from named fields', async (t) => {
  const { upstream, call } = await setUp(t, twoHeaders, fields);
  t.equal((await call()).status, 200);
  const request = upstream.only();
  t.strictSame(request.all('client-id'), ['42']);
  t.strictSame(request.all('api-key'), ['Key fixture-token']);
  t.strictSame(request.all('authorization'), []);
});

t.test('the caller can neither set, double nor suppress an injected header', async (t) => {
  const { upstream, call } = await setUp(t, twoHeaders, fields);
  for (const Headers of [
    { 'Api-Key': 'mine' },
    { 'api-key': 'mine', 'API-KEY': 'mine', 'aPi-kEy': ['mine', 'mine'] },
    { 'Client-Id': 'mine', 'CLIENT-ID': 'mine' },
    { Client_Id: 'mine', API_KEY: 'mine' },
    { 'Client.Id': 'mine', 'api~key': 'mine' },
    { Connection: 'Api-Key, Client-Id' },
    { connection: ['close', 'api-key'], 'Api-Key': 'mine' },
    { 'Api-Key': '' },
    { 'Api-Key': [] },
  ]) {
    upstream.requests.length = 0;
    t.equal((await call({ Headers })).status, 200);
    const request = upstream.only();
    t.strictSame(request.all('client-id'), ['42'], JSON.stringify(Headers));
    t.strictSame(request.all('api-key'), ['Key fixture-token']);
    t.notMatch(request.head, /mine|client[_.]id|api[_~]key/i);
  }
});

t.test("the caller's own credentials and framing do not go upstream", async (t) => {
  const { upstream, call } = await setUp(t, twoHeaders, fields);
  await call({
    Body: 'ok',
    Headers: {
      Authorization: 'Bearer mine',
      Cookie: 'a=mine',
      Host: 'mine.example',
      'Content-Length': '1000',
      'Transfer-Encoding': 'chunked',
      Expect: '100-continue',
      Upgrade: 'mine',
      'X-Forwarded-Host': 'mine.example',
      Forwarded: 'host=mine.example',
      'X-HTTP-Method-Override': 'DELETE',
      'X-Original-URL': '/mine',
      'X-Hop': 'mine',
      Connection: 'X-Hop',
      Via: '1.1 mine',
      Kept: 'kept',
    },
  });
  const request = upstream.only();
  t.notMatch(request.head, /mine|chunked|DELETE|100-continue/);
  t.strictSame(request.all('host'), [`localhost:${upstream.port}`]);
  t.strictSame(request.all('content-length'), ['2']);
  t.strictSame(request.all('kept'), ['kept']);
  t.equal(request.body.toString(), 'ok');
});

t.test('line breaks in header values reach nobody', async (t) => {
  const { upstream, call } = await setUp(t, twoHeaders, fields);
  for (const Headers of [
    { A: 'a\r\nApi-Key: mine' },
    { A: ['a', 'b\n\nGET / HTTP/1.1'] },
    { 'A\r\nB': 'c' },
    { A: 'a\0' },
  ]) {
    t.match(await call({ Headers }), {
      status: 400,
      problem: { code: 'request_invalid', reason: 'header' },
    });
  }
  t.equal(upstream.connections(), 0);
});

t.test('a stored token that no header can carry is never sent', async (t) => {
  for (const token of ['a\r\nX-Injected: b', 'a\nb', 'a\0b', 'токен', ' a', '']) {
    const { upstream, proxy, call } = await setUp(t, twoHeaders, { ...fields, token });
    t.match(await call(), { status: 500, problem: { code: 'integrity_failed', reason: 'fields' } });
    t.equal(upstream.connections(), 0);
    t.notMatch(proxy.logText(), /X-Injected|токен/);
  }
});

t.test('a field that the secret lacks is a fault, and nothing is sent', async (t) => {
  const { upstream, call } = await setUp(t, twoHeaders, { token: 'fixture-token' });
  const answer = await call();
  t.match(answer, { status: 500, problem: { code: 'integrity_failed', reason: 'fields' } });
  t.match(answer.problem.detail, '"id"');
  t.equal(upstream.connections(), 0);
});

const query: Injection = { scheme: 'query', query: { access_token: '{token}', v: '5' } };

t.test('appends query parameters, encoded, behind those of the caller', async (t) => {
  const { upstream, call } = await setUp(t, query, { token: 'a&b=c#d é/+%' });
  await call();
  await call({ ApiUri: `${upstream.url}/v1?x=1&y=%20` });
  await call({ ApiUri: `${upstream.url}/v1?` });
  const added = 'access_token=a%26b%3Dc%23d%20%C3%A9%2F%2B%25&v=5';
  t.strictSame(
    upstream.requests.map(({ target }) => target),
    [`/v1?${added}`, `/v1?x=1&y=%20&${added}`, `/v1?${added}`],
  );
});

t.test('refuses a caller that sets an injected parameter, however spelled', async (t) => {
  const { upstream, call } = await setUp(t, query, fields);
  for (const clash of [
    'access_token=mine',
    'a=1&access_token=',
    'access_token',
    'ACCESS_TOKEN=mine',
    'access%5Ftoken=mine',
    '%61ccess_token=mine',
    'v=6',
    'access_token[]=mine',
    'access.token=mine',
    'a=1;access_token=mine',
  ]) {
    t.match(
      await call({ ApiUri: `${upstream.url}/v1?${clash}` }),
      { status: 400, problem: { code: 'request_invalid', reason: 'injected_parameter' } },
      clash,
    );
  }
  t.equal(upstream.connections(), 0);
});

t.test('an injected query is in no log line and no answer of ours', async (t) => {
  const { upstream, proxy, call } = await setUp(t, query, fields);
  upstream.script((socket) => socket.destroy());
  const answer = await call();
  t.equal(answer.status, 502);
  t.notMatch(answer.text + proxy.logText(), 'fixture-token');
  upstream.script(answers(200, 'ok'));
  await call();
  t.notMatch(proxy.logText(), 'fixture-token');
});

t.test('makes a basic credential', async (t) => {
  const injection: Injection = { scheme: 'basic', username: '{login}', password: '{token}' };
  const { upstream, call } = await setUp(t, injection, { login: 'имя', token: 'a:b' });
  await call({ Headers: { authorization: 'Basic mine' } });
  t.strictSame(upstream.only().all('authorization'), [
    `Basic ${Buffer.from('имя:a:b').toString('base64')}`,
  ]);
});

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import t, { type Test } from 'tap';
import { BodyBudget, bodyBudgetOptions } from '../../../secureproxy/receipt/body-budget.ts';
import { acceptCalls, admitCaller } from '../../../secureproxy/routes/admission.ts';
import { BodyKeys } from '../../../secureproxy/routes/body-key.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import type { ServiceError } from '../../../shared/errors.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { startApp } from '../../shared/app.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { plainPolicy } from '../../support/pair-state.ts';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answers, startUpstream } from '../../support/upstream.ts';
import { exchange } from '../../support/wire.ts';

const json = 'application/json';
const form = 'application/x-www-form-urlencoded';
const key = makeCallerKey('spk_');

async function startPair(t: Test, more: Partial<Policy> = {}, settings = {}) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('test', {
    ...plainPolicy(upstream.url),
    keyMembers: ['api_key', 'auth.token'],
    ...more,
  });
  await keyserver.putType('keyless', plainPolicy(upstream.url));
  for (const type of ['test', 'keyless']) await keyserver.putToken('acme', type, 'fixture-token');
  await keyserver.putApp('orders', { key });
  const proxy = await startProxy(t, {
    keyserverUrl: keyserver.url,
    proxyKey: await keyserver.putProxy('edge'),
    settings,
  });
  const send = (
    type: string | undefined,
    body: string | Buffer,
    { path = '/forward/acme/test/v1', method = 'POST', headers = [] as readonly string[] } = {},
  ) =>
    proxy.send(path, {
      method,
      body,
      headers: [...(type === undefined ? [] : ['content-type', type]), ...headers],
    });
  return { upstream, keyserver, proxy, send };
}

t.test('a call is admitted by the key in its body, which is not sent', async (t) => {
  const { upstream, send, proxy } = await startPair(t);
  for (const [type, body, sent, method] of [
    [json, `{"api_key":"${key}","n":1.0}`, '{"n":1.0}', 'POST'],
    [`${json}; charset=utf-8`, `{"a":[],"auth":{"token":"${key}"}}`, '{"a":[],"auth":{}}', 'PUT'],
    [json, `{"api_key":"\\u0073pk_${key.slice(4)}"}`, '{}', 'PATCH'],
    [form, `a=1&api_key=%73pk_${key.slice(4)}&b=2`, 'a=1&b=2', 'POST'],
    [form, `api_key=${key}`, '', 'POST'],
    [json, `{"api_key":"${key}"}`, '{}', 'DELETE'],
    [json, `{"api_key":"${key}","api_key":"${key}","x":0}`, '{"x":0}', 'POST'],
  ] as const) {
    t.equal((await send(type, body, { method })).status, 200, body.replaceAll(key, 'KEY'));
    const received = upstream.requests.at(-1);
    t.equal(received?.body.toString(), sent);
    t.strictSame(received?.all('content-length'), [String(sent.length)]);
    t.strictSame(received?.all('content-type'), [type]);
    t.strictSame(received?.all('authorization'), ['Bearer fixture-token']);
    t.equal(received?.method, method);
  }
  t.match(await proxy.requestLine(), {
    app: 'orders',
    client: 'acme',
    'http.request.body.size': `{"api_key":"${key}","n":1.0}`.length,
    'upstream.request.body.size': '{"n":1.0}'.length,
  });
  t.notMatch(proxy.logText(), key);
});

t.test('the type says in which member the key may be', async (t) => {
  const { upstream, send } = await startPair(t);
  for (const [type, body, path] of [
    [json, `{"other":"${key}"}`],
    [json, `{"api_key":"${key}","other":"${key}"}`],
    [json, `[{"api_key":"${key}"}]`],
    [json, `{"api_key":"${key}","${key}":1}`],
    [form, `other=${key}`],
    [form, `api_key=${key}&%73pk_${key.slice(4)}=1`],
    [json, `{"api_key":"${key}"}`, '/forward/acme/keyless/v1'],
    [form, `api_key=${key}`, '/forward/acme/keyless/v1'],
  ] as const) {
    const answer = await send(type, body, path && { path });
    t.match(answer, { status: 400, problem: { reason: 'app_key_misplaced' } });
    t.notMatch(answer.text, key);
  }
  t.match(await send(json, `{"api_key":"${key}"}`, { path: '/forward/other/none/v1' }), {
    status: 424,
    problem: { code: 'type_not_found' },
  });
  t.equal(upstream.requests.length, 0);
});

t.test('a body must have one key, and a right one', async (t) => {
  const { upstream, send, proxy } = await startPair(t);
  const other = makeCallerKey('spk_');
  const cut = key.slice(0, -1);
  for (const [type, body, reason] of [
    [json, `{"api_key":"${key}","auth":{"token":"${other}"}}`, 'two_app_keys'],
    [json, `{"api_key":"${key}","api_key":"${other}"}`, 'two_app_keys'],
    [json, `{"api_key":"${key}","x":"${cut}"}`, 'two_app_keys'],
    [form, `api_key=${key}&api_key=${other}`, 'two_app_keys'],
    [json, `{"api_key":"${cut}"}`, 'app_key_form'],
    [form, `api_key=${cut}`, 'app_key_form'],
    [json, `{"api_key":"${other}"}`, 'app_unknown'],
    [json, '{"api_key":"1"}', 'app_key_missing'],
    [json, `{"${key}":"1"}`, 'app_key_missing'],
  ] as const) {
    const answer = await send(type, body);
    t.equal(answer.problem.reason, reason);
    t.equal(answer.status, reason === 'two_app_keys' ? 400 : 401);
  }
  t.equal(upstream.requests.length, 0);
  t.match(await proxy.requestLine(6), { key_fingerprint: /^[\w-]{8}$/ });
});

t.test('no other body is searched', async (t) => {
  const { upstream, send, proxy } = await startPair(t);
  const body = `{"api_key":"${key}"}`;
  const missing = { status: 401, problem: { reason: 'app_key_missing' } };
  t.match(await send('text/plain', body), missing);
  t.match(await send(undefined, body), missing);
  t.match(await send('multipart/form-data; boundary=a', body), missing);
  t.match(await send(json, `${body} x`), missing);
  t.match(await send(json, body, { headers: ['content-encoding', 'gzip'] }), missing);
  t.match(await send(json, ''), missing);
  const long = (length: number) => body.replace('}', ',"x":""}').padEnd(length);
  t.match(await send(json, long(64 * 1024 + 1)), missing);
  const chunked = `POST /forward/acme/test/v1 HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${json}\r\ntransfer-encoding: chunked\r\n\r\n`;
  const bytes = `${chunked}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const answer = await exchange(proxy.port, { bytes });
  t.match(answer, { start: /401/ });
  t.match(answer.body.toString(), 'app_key_missing');
  t.equal(upstream.requests.length, 0);
  t.match(await send(json, long(64 * 1024)), { status: 200 });
  // Elsewhere it is as unwelcome as ever.
  t.match(
    await proxy.send('/request_api', { method: 'POST', headers: ['content-type', json], body }),
    {
      status: 401,
    },
  );
});

t.test('a body beside a key in a header is not searched, only watched', async (t) => {
  const { upstream, send } = await startPair(t);
  const headers = ['x-key', key];
  t.match(await send(json, `{"api_key":"${key}"}`, { headers }), {
    status: 400,
    problem: { reason: 'app_key_misplaced' },
  });
  t.match(await send(json, `{"api_key":"spk_${'a'.repeat(30)}"}`, { headers }), { status: 200 });
  t.equal(upstream.only().body.toString(), `{"api_key":"spk_${'a'.repeat(30)}"}`);
});

t.test('a bound key in a body routes nothing', async (t) => {
  const { upstream, keyserver, send } = await startPair(t);
  const bound = makeCallerKey('spk_', { isBound: true });
  await keyserver.putApp('bound', { key: bound, bound: { clientId: 'acme', tokenType: 'test' } });
  const body = `{"api_key":"${bound}"}`;
  t.match(await send(json, body, { path: '/v1' }), { status: 404 });
  t.equal(upstream.requests.length, 0);
  t.match(await send(json, body), { status: 200 });
});

t.test('a token request may have the key in any member, since nothing is sent', async (t) => {
  const { upstream, keyserver, send } = await startPair(t);
  await keyserver.putType('shop', {
    ...plainPolicy(upstream.url),
    tokenEndpoints: [`${upstream.url}/oauth/token`],
  });
  await keyserver.putToken('acme', 'shop', 'fixture-token');
  const path = '/forward/acme/shop/oauth/token';
  const grant = 'grant_type=refresh_token&client_id=1';
  for (const [type, body] of [
    [form, `${grant}&client_secret=${key}`],
    [form, `${grant}&refresh_token=${key}&client_secret=${key}`],
    [json, `{"grant_type":"refresh_token","client_secret":"${key}"}`],
  ] as const) {
    const answer = await send(type, body, { path });
    t.match(answer, { status: 200 });
    t.match(JSON.parse(answer.text), { access_token: key, refresh_token: key });
  }
  t.match(await send(form, `client_secret=${key}`, { path: '/forward/acme/shop/v1' }), {
    problem: { reason: 'app_key_misplaced' },
  });
  t.equal(upstream.requests.length, 0);
});

t.test('a caller that expects 100 gets it only for a body that may have the key', async (t) => {
  const { upstream, proxy } = await startPair(t);
  const body = `{"api_key":"${key}"}`;
  const ask = (type: string) =>
    exchange(proxy.port, {
      bytes: `POST /forward/acme/test/v1 HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`,
      afterContinue: body,
    });
  t.match(await ask(json), { start: /200/, interim: [/100/] });
  t.equal(upstream.only().body.toString(), '{}');
  const refused = await ask('text/plain');
  t.match(refused, { start: /401/ });
  t.strictSame(refused.interim, []);
});

t.test('what is left of the body can be sent again', async (t) => {
  const { upstream, send } = await startPair(t, { retry: { methods: ['POST'] } });
  let asked = 0;
  upstream.script((socket, request) => {
    asked += 1;
    answers(asked === 1 ? 503 : 200)(socket, request);
  });
  t.match(await send(json, `{"api_key":"${key}"}`), { status: 200 });
  t.strictSame(
    upstream.requests.map(({ body }) => body.toString()),
    ['{}', '{}'],
  );
});

t.test('a form is judged as it is sent', async (t) => {
  const { keyserver, upstream, send } = await startPair(t, { routedBy: { form: ['route'] } });
  const limited = makeCallerKey('spk_');
  const grants = [{ client: '*', type: '*', paths: ['/v1'] }];
  await keyserver.putApp('limited', { key: limited, grants });
  t.match(await send(form, `api_key=${limited}&a=1`), { status: 200 });
  t.match(await send(form, `api_key=${limited}&route=1`), {
    status: 403,
    problem: { reason: 'routed_form' },
  });
  t.equal(upstream.only().body.toString(), 'a=1');
});

const callers = {
  known: () => undefined,
  ask: async () => ({ app: 'orders' }),
};

/** A route for calls with a key that end when they are told to. */
async function startRoute(t: Test, budget: BodyBudget) {
  const { app } = await startApp(t);
  acceptCalls(app, { budget, limitBytes: 0 }, new Set());
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let running = 0;
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const onRequest = admitCaller({ callers }, { isKeyRequired: true });
    scope.post('/', { onRequest }, async (request, reply) => {
      app.bodyKeys.countForApp(request, reply);
      running += 1;
      await ended;
      return {};
    });
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const post = (body: string) =>
    fetch(url, { method: 'POST', headers: { 'content-type': json }, body });
  return { post, end, running: () => running, port: Number(new URL(url).port) };
}

/** A connection whose body of JSON halts after a thousand bytes. */
function halted(t: Test, port: number, localAddress = '127.0.0.1'): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
  t.teardown(() => socket.destroy());
  socket.write(
    `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${json}\r\ncontent-length: 65536\r\n\r\n"${'x'.repeat(999)}`,
  );
  return socket;
}

t.test('bodies of strangers have their part of the memory, and no more', async (t) => {
  const budget = new BodyBudget({ totalBytes: 100_000, strangersBytes: 2000, sourceBytes: 2000 });
  const { port } = await startRoute(t, budget);
  const first = [halted(t, port), halted(t, port)];
  await until(() => budget.held === 2000);
  const [bytes] = await once(halted(t, port), 'data');
  t.match(String(bytes), '503');
  t.match(String(bytes), 'body_bytes');
  for (const socket of first) socket.destroy();
  await until(() => budget.held === 0);
});

t.test('bodies that halt at one address do not shut out another', async (t) => {
  const budget = new BodyBudget({ totalBytes: 100_000, strangersBytes: 2000, sourceBytes: 1000 });
  const { port } = await startRoute(t, budget);
  halted(t, port);
  await until(() => budget.held === 1000);
  t.match(String((await once(halted(t, port), 'data'))[0]), 'body_bytes');
  halted(t, port, '127.0.0.2');
  await until(() => budget.held === 2000);
});

t.test("once its key is accepted, a body counts for the key's app", async (t) => {
  const budget = new BodyBudget({ totalBytes: 4000, strangersBytes: 1000, sourceBytes: 1000 });
  const { post, end, running } = await startRoute(t, budget);
  const body = `{"api_key":"${key}"}`.padEnd(1000);
  const calls: Promise<Response>[] = [];
  for (const count of [1, 2, 3]) {
    calls.push(post(body));
    await until(() => running() === count);
    t.equal(budget.held, count * 1000);
  }
  const beyond = await post(body);
  t.equal(beyond.status, 503);
  t.match(await beyond.json(), { reason: 'body_bytes' });
  end();
  t.strictSame(
    (await Promise.all(calls)).map(({ status }) => status),
    [200, 200, 200],
  );
  await until(() => budget.held === 0);
});

t.test("calls that run hold nothing of the strangers' part", async (t) => {
  const upstream = await startUpstream(t);
  const longest = 64 * 1024;
  const workers = 64;
  const { strangersBytes } = bodyBudgetOptions(longest, workers);
  const proxy = await startProxy(t, {
    obtain: async () =>
      releaseOf({ destinations: [upstream.url], scrub: false, keyMembers: ['api_key'] }),
    settings: { BODY_LIMIT_BYTES: String(longest), WORKERS: String(workers) },
  });
  const waiting: (() => void)[] = [];
  upstream.script((socket, request) => {
    waiting.push(() => answers(200)(socket, request));
  });
  const body = `{"api_key":"${key}"}`.padEnd(longest);
  const calls: Promise<{ status: number }>[] = [];
  for (let held = 0; held <= strangersBytes; held += longest) {
    const call = proxy.send('/forward/c/t/v1', {
      method: 'POST',
      headers: ['content-type', json],
      body,
    });
    calls.push(call);
    await Promise.race([call, until(() => waiting.length === calls.length)]);
  }
  for (const answer of waiting) answer();
  t.strictSame([...new Set((await Promise.all(calls)).map(({ status }) => status))], [200]);
});

t.test('strangers share the time for searches, and no search delays another call', async (t) => {
  const budget = new BodyBudget({
    totalBytes: 100_000,
    strangersBytes: 100_000,
    sourceBytes: 100_000,
  });
  const keys = new BodyKeys(budget);
  const ask = async (address: string) => {
    const body = Buffer.from('{"a":1}');
    const headers = { 'content-type': json, 'content-length': String(body.length) };
    const raw = Object.assign(Readable.from([body]), { headers });
    try {
      return await keys.find({ raw, ip: address, logFields: {} } as unknown as FastifyRequest);
    } catch (error) {
      return (error as ServiceError).options.reason;
    }
  };
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const flood = Array.from({ length: 400 }, () => ask('192.0.2.1'));
  const quiet = ask('192.0.2.2');
  t.equal(await quiet, null, 'it waits for one of the others');
  const turnsBefore = turns;
  const answers = await Promise.all(flood);
  isOver = true;
  const searched = answers.filter((answer) => answer === null).length;
  t.ok(turnsBefore < 20);
  t.ok(turns >= searched, 'one in each turn of the event loop');
  t.strictSame([...new Set(answers)].toSorted(), [null, 'unknown_callers']);
});

import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import t from 'tap';
import { Type } from 'typebox';
import { ServiceError } from '../../../shared/errors.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { readRaw, sendRaw } from '../../support/raw-http.ts';
import { startApp } from '../app.ts';

t.test('what a handler throws is answered as a problem, and logged with its cause', async (t) => {
  const { app, log } = await startApp(t);
  app.get('/known', async () => {
    throw new ServiceError('overloaded', { retryAfterSeconds: 7, reason: 'busy' });
  });
  app.get('/caused', async () => {
    throw new ServiceError('integrity_failed', { cause: new Error('the cause') });
  });
  app.get('/unknown', async () => {
    throw new TypeError('hidden-value');
  });
  app.get('/sync', () => {
    throw 'hidden-value';
  });
  app.get('/status', async () => {
    throw Object.assign(new Error('hidden-value'), { statusCode: 200 });
  });
  const known = await app.inject('/known');
  t.equal(known.statusCode, 503);
  t.equal(known.headers['retry-after'], '7');
  t.equal(known.headers['content-type'], 'application/problem+json');
  t.match(known.json(), { code: 'overloaded', reason: 'busy', requestId: String });
  t.equal((await app.inject('/caused')).json().code, 'integrity_failed');
  for (const path of ['/unknown', '/sync', '/status']) {
    const { body, statusCode } = await app.inject(path);
    t.equal(statusCode, 500, path);
    t.notMatch(body, 'hidden-value');
    t.match(JSON.parse(body), { code: 'internal' });
  }
  const failures = log.lines().filter(({ msg }) => msg === 'request failed');
  t.match(failures, [
    { 'error.type': 'integrity_failed', err: { message: 'the cause' }, request_id: String },
    { 'error.type': 'internal', err: { type: 'TypeError' } },
    { 'error.type': 'internal' },
    { 'error.type': 'internal' },
  ]);
});

t.test('the body of a request without a route is never parsed', async (t) => {
  const { app } = await startApp(t);
  let parsed = 0;
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async () => {
    parsed += 1;
    return {};
  });
  app.post('/known', async () => ({}));
  const send = (method: 'POST' | 'PUT' | 'DELETE', url: string) =>
    app.inject({ method, url, payload: '{}', headers: { 'content-type': 'application/json' } });
  t.equal((await send('POST', '/known')).statusCode, 200);
  t.equal(parsed, 1);
  t.equal((await send('POST', '/none?x=1')).json().code, 'route_not_found');
  const other = await send('PUT', '/known');
  t.match([other.statusCode, other.headers.allow], [405, 'POST']);
  t.equal((await send('DELETE', '/known')).statusCode, 405);
  t.equal(parsed, 1);
});

t.test('an answer that its own schema does not fit is internal', async (t) => {
  const { app } = await startApp(t);
  const answer = Type.Object({ n: Type.Integer() });
  app.get(
    '/x',
    { schema: { response: { 200: answer } } },
    async () => ({ n: 'hidden-value' }) as never,
  );
  const { statusCode, body } = await app.inject('/x');
  t.equal(statusCode, 500);
  t.notMatch(body, 'hidden-value');
});

t.test('no cache keeps an answer, also of a path without a route', async (t) => {
  const { app } = await startApp(t);
  app.get('/fine', async () => 'fine');
  app.get('/x', async () => {
    throw new ServiceError('overloaded');
  });
  for (const path of ['/fine', '/x', '/none']) {
    t.equal((await app.inject(path)).headers['cache-control'], 'no-store', path);
  }
});

t.test('401 says how to authenticate', async (t) => {
  const { app } = await startApp(t);
  app.get('/x', async () => {
    throw new ServiceError('caller_unauthenticated');
  });
  t.equal((await app.inject('/x')).headers['www-authenticate'], 'Bearer');
});

t.test('Proxy-Status is on errors of a proxy, and there only', async (t) => {
  const failing = async () => {
    throw new ServiceError('upstream_timeout');
  };
  const { app: proxy } = await startApp(t, { proxyStatus: true, name: 'secureproxy' });
  const { app: server } = await startApp(t);
  for (const app of [proxy, server]) app.get('/x', failing);
  const status = async (app: typeof proxy, path: string) =>
    (await app.inject(path)).headers['proxy-status'];
  t.equal(await status(proxy, '/x'), 'secureproxy; error=http_response_timeout');
  t.equal(await status(proxy, '/none'), 'secureproxy; error=http_request_error');
  t.equal(await status(proxy, '/%zz'), 'secureproxy; error=http_request_error');
  t.equal(await status(server, '/x'), undefined);
});

t.test('paths with parameters and wildcards tell 404 from 405', async (t) => {
  const { app } = await startApp(t);
  app.get('/a/:id', async () => 'a');
  app.route({ method: ['PUT', 'PATCH'], url: '/a/:id/b', handler: async () => 'b' });
  app.post('/w/:x/*', async () => 'w');
  const seen = async (method: 'POST' | 'GET' | 'DELETE', url: string) => {
    const { statusCode, headers } = await app.inject({ method, url });
    return [statusCode, headers.allow];
  };
  t.same(await seen('POST', '/a/1'), [405, 'GET, HEAD']);
  t.same(await seen('POST', '/a/1?b=/2'), [405, 'GET, HEAD']);
  t.same(await seen('GET', '/a/1/b'), [405, 'PUT, PATCH']);
  t.same(await seen('GET', '/w/1/2/3'), [405, 'POST']);
  for (const path of ['/a', '/a/', '/a/1/', '/a/1/c', '/a/1/b/c', '/w/1', '/A/1']) {
    t.same(await seen('DELETE', path), [404, undefined], path);
  }
});

t.test('bodies are JSON, within the limit', async (t) => {
  const { app } = await startApp(t, { bodyLimitBytes: 10 });
  app.post('/x', async () => ({ ok: true }));
  const post = async (payload: string, type = 'application/json') =>
    (
      await app.inject({ method: 'POST', url: '/x', payload, headers: { 'content-type': type } })
    ).json();
  t.match(await post('"12345678"'), { ok: true });
  t.match(await post('"123456789"'), { code: 'body_too_large', status: 413 });
  t.match(await post('x', 'text/plain'), {
    ...{ code: 'media_type_unsupported', status: 415 },
    detail: /send Content-Type: application\/json/,
  });
  t.match(await post('{', 'application/json'), { code: 'request_invalid', reason: 'syntax' });
});

t.test('a caller that hangs up is not a fault of ours', async (t) => {
  const { app, log } = await startApp(t);
  app.post('/x', async () => 'ok');
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(
    'POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a"',
  );
  await fetch(`${url}/none`);
  socket.resetAndDestroy();
  const requests = () => log.lines().filter(({ msg }) => msg === 'request');
  await pollUntil('both lines', requests, ({ length }) => length === 2);
  t.same(
    log.lines().filter(({ level }) => level === 'error'),
    [],
    'no stack in the log',
  );
  const [gone] = requests().filter((line) => line['url.template'] === '/x');
  t.match(gone, { 'error.type': 'request_invalid', 'error.reason': 'caller_gone' });
  t.notOk('http.response.body.size' in Object(gone), 'nobody got a body');
});

t.test('broken bytes after an answer has begun cut it off, and add nothing to it', async (t) => {
  const { app } = await startApp(t);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.post('/slow', async (_request, reply) => {
    const body = new Readable({ read: () => undefined });
    body.push('begun');
    t.teardown(() => body.destroy());
    return reply.type('text/plain').send(body);
  });
  const { hostname, port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    if (text === '') socket.write('broken\r\n\r\n');
    text += chunk;
  });
  socket.on('error', () => undefined);
  socket.write('POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  await once(socket, 'close');
  t.match(text, /^HTTP\/1\.1 200 /);
  t.equal(text.split('HTTP/1.1').length, 2, 'one head');
});

t.test('broken bytes after a whole answer are answered', async (t) => {
  const { app } = await startApp(t);
  const { hostname, port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    if (text === '') socket.write('broken\r\n\r\n');
    text += chunk;
  });
  socket.write('GET /none HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'close');
  t.match(text, /^HTTP\/1\.1 404 .*HTTP\/1\.1 400 /s);
});

t.test('a request that is not finished in time is told so', async (t) => {
  const { app } = await startApp(t);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.ok(app.server.requestTimeout > 0 && app.server.requestTimeout <= 60_000);
  const { hostname, port } = new URL(url);
  app.server.once('connection', (accepted) => {
    const timeout = Object.assign(new Error('timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    app.server.emit('clientError', timeout, accepted);
  });
  const { status, problem } = readRaw(
    await sendRaw(`http://${hostname}:${port}`, 'POST / HTTP/1.1\r\n'),
  );
  t.match(
    { status, problem },
    { status: 400, problem: { code: 'request_invalid', reason: 'http' } },
  );
  t.match(problem.detail, /time/);
});

t.test('a long upload to a route that streams it is not cut for its length', async (t) => {
  const { app } = await startApp(t);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.post('/upload', async (request) => {
    const { raw, server } = request;
    request.isBodyStreamed = true;
    const timeout = Object.assign(new Error('timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    server.server.emit('clientError', timeout, raw.socket);
    let received = 0;
    for await (const chunk of raw) received += chunk.length;
    return { received };
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const answered = await fetch(`${url}/upload`, { method: 'POST', body: 'x'.repeat(100_000) });
  t.strictSame(await answered.json(), { received: 100_000 });
});

t.test('HTTP/1.1 without Host is refused', async (t) => {
  const { app, log } = await startApp(t, { proxyStatus: true });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const text = 'GET / HTTP/1.1\r\nConnection: close\r\nX-Request-Id: hostless\r\n\r\n';
  const { status, head, problem } = readRaw(await sendRaw(url, text));
  t.equal(status, 400);
  t.match(head, /^proxy-status: /im);
  t.match(problem, { code: 'request_invalid', reason: 'http', requestId: 'hostless' });
  t.match(await requestLines(log, 1), [{ request_id: 'hostless', 'error.reason': 'http' }]);
  t.match(await sendRaw(url, 'GET / HTTP/1.0\r\n\r\n'), / 404 /, 'which HTTP/1.0 does without');
});

t.test('several Hosts are refused', async (t) => {
  const { app } = await startApp(t);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  for (const version of ['1.0', '1.1']) {
    const text = `GET / HTTP/${version}\r\nHost: a\r\nhOST: a\r\nConnection: close\r\n\r\n`;
    const { status, problem } = readRaw(await sendRaw(url, text));
    t.match({ status, problem }, { status: 400, problem: { reason: 'http', detail: /once/ } });
  }
});

t.test('an expectation that is not known is passed over', async (t) => {
  const { app, log } = await startApp(t);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const text = 'GET /none HTTP/1.1\r\nHost: x\r\nExpect: much\r\nConnection: close\r\n\r\n';
  t.equal(readRaw(await sendRaw(url, text)).status, 404);
  t.match(await requestLines(log, 1), [{ 'http.response.status_code': 404 }]);
});

t.test('bytes that are no HTTP have a line, found by the id of their answer', async (t) => {
  const { app, log } = await startApp(t, { proxyStatus: true, name: 'secureproxy' });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const { head, problem } = readRaw(await sendRaw(url, 'broken\r\n\r\n'));
  const { requestId } = problem;
  t.match(head, `x-request-id: ${requestId}`);
  t.match(head, 'proxy-status: secureproxy; error=http_request_error');
  t.match(head, 'x-secureproxy-error: request_invalid\r\nx-secureproxy-reason: http\r\n');
  t.strictSame(
    (await requestLines(log, 1)).map(({ level, time, ...line }) => line),
    [
      {
        'service.name': 'test',
        request_id: requestId,
        'url.template': 'none',
        'client.address': '127.0.0.1',
        'http.response.status_code': 400,
        'error.type': 'request_invalid',
        'error.reason': 'http',
        'http.response.body.size': JSON.stringify(problem).length,
        msg: 'request',
      },
    ],
  );
});

t.test('TLS on a plain port has a reason of its own in the log', async (t) => {
  const { app, log } = await startApp(t);
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  await t.rejects(fetch(`https://127.0.0.1:${port}/`));
  t.match(await requestLines(log, 1), [
    { 'error.type': 'request_invalid', 'error.reason': 'tls_on_plain_port' },
  ]);
});

t.test('a client that takes the service for a forward proxy is told that it is none', async (t) => {
  const { app, log } = await startApp(t);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const text = 'CONNECT api.market.example:443 HTTP/1.1\r\nHost: api.market.example:443\r\n\r\n';
  const { status, problem } = readRaw(await sendRaw(url, text));
  t.match(
    { status, problem },
    { status: 400, problem: { reason: 'http', detail: /forward prox/ } },
  );
  t.match(await requestLines(log, 1), [{ 'client.address': '127.0.0.1', 'error.reason': 'http' }]);
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  socket.on('error', () => undefined).write(text);
  await once(socket, 'data');
  socket.resetAndDestroy();
  t.equal(readRaw(await sendRaw(url, text)).status, 400, 'a reset ends nothing');
});

t.test('a connection that sent no HTTP is closed, although its peer keeps it open', async (t) => {
  const { app } = await startApp(t);
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const connections = () =>
    new Promise<number>((resolve) => app.server.getConnections((_, count) => resolve(count)));
  const socket = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined).write('broken\r\n\r\n');
  await once(socket.resume(), 'end');
  t.notOk(socket.writableEnded, 'this side stays open');
  t.equal(await pollUntil('it is closed', connections, (count) => count === 0, 20_000), 0);
});

t.test('a request whose body is no HTTP is answered by its own id, and has one line', async (t) => {
  const { app, log } = await startApp(t);
  app.post('/x', async () => 'ok');
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const head = ['POST /x HTTP/1.1', 'Host: x', 'X-Request-Id: begun', 'Transfer-Encoding: chunked'];
  const lines = [...head, 'Content-Type: application/json', '', 'zz', ''].join('\r\n');
  const { status, problem } = readRaw(await sendRaw(url, lines));
  t.match({ status, problem }, { status: 400, problem: { requestId: 'begun', reason: 'http' } });
  t.match(await requestLines(log, 1), [
    { request_id: 'begun', 'url.template': '/x', 'error.reason': 'http' },
  ]);
});

t.test('a whole request is not told that it is broken for the bytes behind it', async (t) => {
  const { app, log } = await startApp(t);
  const asked = Promise.withResolvers<void>();
  app.post('/x', async () => {
    asked.resolve();
    await new Promise((done) => setTimeout(done, 50));
    return 'done';
  });
  const { hostname, port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write('POST /x HTTP/1.1\r\nHost: x\r\n\r\n');
  await asked.promise;
  socket.write('broken\r\n\r\n');
  await once(socket, 'close');
  t.match(text, /^HTTP\/1\.1 200 .*doneHTTP\/1\.1 400 /s);
  const lines = (await requestLines(log, 2)).map((line) => line['http.response.status_code']);
  t.same(lines.sort(), [200, 400]);
  const whole = log.lines().find((line) => line['url.template'] === '/x');
  t.match(whole, { msg: 'request', 'http.response.status_code': 200 });
  t.notOk('error.reason' in Object(whole));
});

/** The lines of requests that are over, once there are so many. @throws Error if there are more */
async function requestLines(log: Awaited<ReturnType<typeof startApp>>['log'], count: number) {
  const requests = () => log.lines().filter(({ msg }) => msg === 'request');
  const lines = await pollUntil('the lines', requests, ({ length }) => length >= count);
  if (lines.length > count) throw new Error(`${lines.length} lines`);
  return lines;
}

t.test('a body with a content coding is 415, and one without any is taken', async (t) => {
  const { app } = await startApp(t);
  app.post('/x', async () => 'ok');
  const post = (coding: string, url = '/x') =>
    app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', 'content-encoding': coding },
      payload: '{}',
    });
  for (const coding of ['gzip', 'br', 'identity, gzip', 'aes128gcm', 'x']) {
    const answer = await post(coding);
    t.equal(answer.statusCode, 415, coding);
    t.match(answer.json(), { code: 'media_type_unsupported', reason: 'content_coding' });
  }
  for (const coding of ['identity', 'Identity', '']) t.equal((await post(coding)).statusCode, 200);
  t.equal((await post('gzip', '/nothing')).statusCode, 415, 'whatever the path');
});

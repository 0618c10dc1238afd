import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import t from 'tap';
import { Type } from 'typebox';
import { ServiceError } from '../../shared/errors.ts';
import { pollUntil } from '../support/poll-until.ts';
import { readRaw, sendRaw } from '../support/raw-http.ts';
import { startApp } from './app.ts';

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
  t.match(await post('x', 'text/plain'), { code: 'media_type_unsupported', status: 415 });
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
});

t.test('broken bytes after an answer has begun cut it off, and add nothing to it', async (t) => {
  const { app } = await startApp(t);
  app.get('/slow', async (_request, reply) => {
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
  socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
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

t.test('HTTP/1.1 without Host is refused', async (t) => {
  const { app } = await startApp(t);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.match(await sendRaw(url, 'GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /);
});

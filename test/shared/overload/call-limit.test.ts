import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { setImmediate as nextTurn, setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Service } from '../../../shared/http/service-type.ts';
import { limitCalls } from '../../../shared/overload/call-limit.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startApp } from '../app.ts';

interface Limits {
  readonly max: number;
  readonly queueTimeoutMs?: number;
}

/** An app with a route of limited calls, which are over once `finish` was called, and one without a limit. */
async function startListening(t: Test, { max, queueTimeoutMs = 60_000 }: Limits) {
  const { app, log } = await startApp(t);
  const { promise: work, resolve: finish } = Promise.withResolvers<void>();
  let received = 0;
  let over = 0;
  const begun: string[] = [];
  await app.register(async (scope) => {
    limitCalls(scope as Service, { max, queueTimeoutMs, proxyName: 'secureproxy' });
    const handle = async ({ id }: { id: string }) => {
      begun.push(id);
      await work;
      return { status: 'done' };
    };
    scope.post('/work', handle);
    scope.post('/of/:name', handle);
    scope.post('/under/*', handle);
  });
  app.post('/outside', async () => ({ status: 'done' }));
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  app.server.on('request', (_request, response) => {
    received += 1;
    response.once('close', () => {
      over += 1;
    });
  });
  const post = (path: string, id: string, init: RequestInit = {}) =>
    fetch(origin + path, { method: 'POST', ...init, headers: { 'x-request-id': id } });
  t.teardown(finish);
  return {
    /** Ids of calls in the order in which they began. */
    begun,
    log,
    finish,
    post,
    /** Sends a call, which is read by the service then; resolves to one that is answered later. */
    send: async (id: string, init?: RequestInit) => {
      const before = received;
      const answered = post('/work', id, init);
      answered.catch(() => undefined);
      await pollUntil(
        `${id} is read`,
        () => received,
        (now) => now > before,
      );
      return { answered };
    },
    /** Number of requests that were answered, or whose callers hung up. */
    over: () => over,
    server: app.server,
    port: Number(new URL(origin).port),
  };
}

t.test('calls beyond the most wait, and begin in their order', async (t) => {
  const { send, begun, finish, log } = await startListening(t, { max: 1 });
  const ids = ['first', 'second', 'third'];
  const calls: Promise<Response>[] = [];
  for (const id of ids) calls.push((await send(id)).answered);
  t.same(begun, ['first'], 'none besides the one that there is room for');
  finish();
  t.same(
    (await Promise.all(calls)).map(({ status }) => status),
    [200, 200, 200],
  );
  t.same(begun, ids);
  const queued = log
    .lines()
    .filter(({ msg }) => msg === 'request')
    .map(({ request_id: id, 'queue.duration_ms': ms }) => [id, ms !== undefined && Number(ms) > 0]);
  t.same(queued, [
    ['first', false],
    ['second', true],
    ['third', true],
  ]);
});

t.test('a call whose turn does not come is refused', async (t) => {
  const { post, send, finish, log } = await startListening(t, { max: 1, queueTimeoutMs: 100 });
  const { answered } = await send('first');
  const refused = await post('/work', 'second', { body: 'x'.repeat(100_000) });
  t.equal(refused.status, 503);
  t.equal(refused.headers.get('content-type'), 'application/problem+json');
  t.equal(refused.headers.get('retry-after'), '1', 'whole seconds');
  t.equal(refused.headers.get('x-request-id'), 'second');
  t.equal(refused.headers.get('proxy-status'), 'secureproxy; error=proxy_internal_response');
  t.equal(refused.headers.get('x-secureproxy-error'), 'overloaded');
  t.equal(refused.headers.get('x-secureproxy-reason'), 'calls');
  t.match(await refused.json(), { code: 'overloaded', reason: 'calls', requestId: 'second' });
  t.equal((await post('/outside', 'third')).status, 200, 'such as a probe');
  t.equal((await post('/nowhere', 'fourth')).status, 404);
  const told = () => log.lines().filter(({ msg }) => msg === 'calls refused');
  await pollUntil('refusals are told', told, ({ length }) => length === 1);
  await Promise.all([post('/work', 'fifth'), post('/work', 'sixth')]);
  await pollUntil('and later ones again', told, ({ length }) => length > 1, 20_000);
  const line = { level: 'warn', 'error.type': 'overloaded', 'error.reason': 'calls' };
  t.match(told()[0], { ...line, refused: 1 });
  const later = told()
    .slice(1)
    .map(({ refused }) => Number(refused));
  t.equal(
    later.reduce((sum, count) => sum + count, 0),
    2,
    'only those since',
  );
  finish();
  t.equal((await answered).status, 200);
});

t.test('every spelling of a route counts, and waits', async (t) => {
  const { send, begun, port, finish } = await startListening(t, { max: 1, queueTimeoutMs: 200 });
  await send('first');
  const statusOf = (target: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, method: 'POST', path: target, agent: false });
      sent.once('error', reject).once('response', (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.end();
    });
  const spellings = [
    '/work',
    '/work?a=/b',
    '/%77ork',
    '/wor%6B?a',
    '/work#a',
    'http://elsewhere.example/work',
    'http://elsewhere.example/%77ork?a',
    '/of/a',
    '/of/a%2Fb?c',
    '/under/a/b?c',
    'http://elsewhere.example/of/a',
  ];
  t.same(await Promise.all(spellings.map(statusOf)), new Array(spellings.length).fill(503));
  t.same(begun, ['first']);
  finish();
  for (const spelling of spellings) t.equal(await statusOf(spelling), 200, spelling);
});

t.test('who hangs up makes room, or is passed over', async (t) => {
  const { send, begun, over, log } = await startListening(t, { max: 1 });
  const [first, second] = [new AbortController(), new AbortController()];
  await send('first', { signal: first.signal });
  await send('second', { signal: second.signal });
  await send('third');
  second.abort();
  await pollUntil('the second hung up', over, (calls) => calls === 1);
  first.abort();
  await pollUntil(
    'there is room',
    () => begun,
    ({ length }) => length > 1,
  );
  t.same(begun, ['first', 'third']);
  const told = () => log.lines().filter(({ msg }) => msg === 'calls refused');
  await pollUntil('who hung up is told', told, ({ length }) => length > 0);
  t.match(told(), [{ refused: 1 }]);
});

t.test('where too many wait, others are refused at once', async (t) => {
  const { send, post, finish } = await startListening(t, { max: 1 });
  const answered: string[] = [];
  const calls: Promise<unknown>[] = [];
  for (const id of ['first', '1', '2', '3', '4']) {
    const { answered: call } = await send(id);
    calls.push(call.then(() => answered.push(id)));
  }
  t.equal((await post('/work', 'beyond')).status, 503);
  t.same(answered, [], 'before those that wait');
  finish();
  await Promise.all(calls);
});

/** Has so many callers connect. */
async function connectCallers(
  t: Test,
  { server, port }: Pick<Awaited<ReturnType<typeof startListening>>, 'server' | 'port'>,
  callers: number,
) {
  let connected = 0;
  server.on('connection', () => {
    connected += 1;
  });
  const connectOne = () => {
    const socket = connect(port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    return socket;
  };
  const sockets = Array.from({ length: callers }, connectOne);
  await pollUntil(
    'all are connected',
    () => connected,
    (now) => now === callers,
  );
  return {
    /** Has all of them send a call; they are there when the event loop looks next. */
    callAll: () => {
      for (const socket of sockets) {
        socket.write('POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
      }
    },
    connectOne,
    connected: () => connected,
  };
}

t.test('no more than so many begin in a turn of the event loop', async (t) => {
  const callers = 100;
  const listening = await startListening(t, { max: 1000 });
  const { begun, finish } = listening;
  const { callAll } = await connectCallers(t, listening, callers);
  callAll();
  const inTurns: number[] = [];
  for (let before = 0; before < callers; before = begun.length) {
    await nextTurn();
    inTurns.push(begun.length - before);
  }
  t.equal(Math.max(...inTurns), 32, `in turns of ${inTurns.filter((calls) => calls > 0)}`);
  finish();
});

t.test('whoever connects does not wait for all calls that are there', async (t) => {
  const [callers, newcomers] = [200, 20];
  const listening = await startListening(t, { max: 1000 });
  const { begun, finish } = listening;
  const { callAll, connectOne, connected } = await connectCallers(t, listening, callers);
  callAll();
  for (let i = 0; i < newcomers; i++) connectOne();
  while (begun.length < callers) await nextTurn();
  t.equal(connected(), callers + newcomers);
  finish();
});

t.test('who is slow to send keeps nobody out', async (t) => {
  const { post, port, finish } = await startListening(t, { max: 1 });
  finish();
  const slow = connect(port, '127.0.0.1');
  t.teardown(() => slow.destroy());
  slow.write(
    'POST /work HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  );
  await setTimeout(100);
  t.equal((await post('/work', 'fast')).status, 200);
  slow.end('"a": 1 }');
  const [answer] = await once(slow, 'data');
  t.match(String(answer), /^HTTP\/1.1 200 /);
});

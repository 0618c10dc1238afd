import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import t, { type Test } from 'tap';
import { Places } from '../../../secureproxy/bulkheads/places.ts';
import { inPlace } from '../../../secureproxy/call/in-place.ts';
import type { Lookup } from '../../../secureproxy/guard/lookup.ts';
import { Deadline } from '../../../secureproxy/upstream/deadline.ts';
import { CallQueue } from '../../../shared/overload/call-queue.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { releaseOf, resolvesTo, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answers, startUpstream } from '../../support/upstream.ts';

interface Limits {
  readonly timeoutMs: number | undefined;
  readonly totalTimeoutMs: number;
}

/** A proxy whose KeyServer and resolver can be held up. */
async function setUp(t: Test, settings: Record<string, string> = {}) {
  const upstream = await startUpstream(t);
  const held = { keyserver: Promise.resolve(), names: Promise.resolve() };
  const release = (): Release => releaseOf({ destinations: [upstream.url], scrub: false });
  let asked = 0;
  const resolve = resolvesTo('127.0.0.1');
  const lookup: Lookup = (name) => held.names.then(() => resolve(name));
  const proxy = await startProxy(t, {
    obtain: async () => {
      asked += 1;
      await held.keyserver;
      return release();
    },
    lookup,
    settings,
  });
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` };
  return {
    upstream,
    proxy,
    call: (more: object = {}) => proxy.call({ ...required, ...more }),
    asked: () => asked,
    hold: (what: keyof typeof held) => {
      const { promise, resolve: letGo } = Promise.withResolvers<void>();
      held[what] = promise;
      t.teardown(letGo);
      return letGo;
    },
  };
}

const timedOut = (reason: string) => ({
  status: 504,
  problem: { code: 'upstream_timeout', reason },
});

t.test('the deadline bounds the wait for KeyServer, which goes on for others', async (t) => {
  const { upstream, proxy, call, asked, hold } = await setUp(t);
  const letGo = hold('keyserver');
  const hurried = call({ TimeoutMs: 200 });
  const patient = call();
  t.match(await hurried, {
    ...timedOut('keyserver_timeout'),
    problem: { detail: /waiting for KeyServer/ },
  });
  t.equal(upstream.requests.length, 0);
  letGo();
  t.match(await patient, { status: 200, text: 'ok' });
  t.equal(asked(), 1, 'both waited for one answer');
  const line = await proxy.requestLine();
  t.equal(line['error.reason'], 'keyserver_timeout');
  t.type(line['keyserver.duration_ms'], 'number');
});

t.test('the deadline bounds the wait for a connection, and nothing is sent', async (t) => {
  const { upstream, call, hold } = await setUp(t);
  const letGo = hold('names');
  const answer = await call({ TimeoutMs: 50 });
  t.match(answer, timedOut('connect_timeout'));
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=connection_timeout']);
  letGo();
  t.match(await call(), { status: 200 });
  t.equal(upstream.requests.length, 1);
  t.equal(upstream.connections(), 1, 'the connection is kept for the next call');
});

t.test('the deadline bounds the wait for a place', async (t) => {
  const { upstream, call } = await setUp(t, { UPSTREAM_CONNECTIONS: '1' });
  upstream.script(() => undefined);
  const first = call({ TimeoutMs: 2000 });
  await until(() => upstream.requests.length === 1);
  t.match(await call({ TimeoutMs: 50 }), timedOut('queue_timeout'));
  t.match(await first, timedOut('total_timeout'));
});

t.test('a call waits for a connection for two seconds at most', async (t) => {
  const { upstream, proxy, call } = await setUp(t, { UPSTREAM_CONNECTIONS: '1' });
  upstream.script(() => undefined);
  const first = call({ TimeoutMs: 10_000 });
  await until(() => upstream.requests.length === 1);
  const refused = await call();
  t.match(refused, { status: 503, problem: { code: 'overloaded', reason: 'origin_connections' } });
  t.strictSame(refused.all('retry-after'), ['1']);
  const line = await proxy.requestLine();
  t.equal(line['error.reason'], 'origin_connections');
  upstream.script(answers(200, 'ok'));
  for (const socket of upstream.open) socket.destroy();
  await first;
});

t.test('time that the request took to arrive counts', async (t) => {
  const { upstream, call } = await setUp(t);
  t.match(await call({ TimeoutMs: 1, Body: 'x'.repeat(10 * 1024 * 1024) }), { status: 504 });
  t.equal(upstream.requests.length, 0);
});

function makePlaces(t: Test, max: number) {
  const reject = () => t.fail('nothing waits');
  const calls = new CallQueue({ max, queueTimeoutMs: 60_000, reject });
  return { calls, places: new Places({ max, connections: max, calls }) };
}

const makeResponse = () => new ServerResponse(new IncomingMessage(new Socket()));

t.test('time in the queue counts, and time in the framework', async (t) => {
  const { calls, places } = makePlaces(t, 4);
  const outcomeOf = async (elapsedTime: number, queuedMs: number | undefined, limits: Limits) => {
    const raw = makeResponse();
    calls.enter(raw);
    const logFields = queuedMs === undefined ? {} : { 'queue.duration_ms': queuedMs };
    return inPlace(
      { places, totalTimeoutMs: limits.totalTimeoutMs },
      limits,
      { logFields } as FastifyRequest,
      { raw, elapsedTime } as FastifyReply,
      ({ deadline }) => deadline.bound('keyserver', Promise.resolve('in time')),
    )
      .catch(({ options: { reason } }) => reason)
      .finally(() => raw.emit('close'));
  };
  for (const limits of [
    { timeoutMs: 60_000, totalTimeoutMs: 90_000 },
    { timeoutMs: 90_000, totalTimeoutMs: 60_000 },
    { timeoutMs: undefined, totalTimeoutMs: 60_000 },
  ]) {
    t.equal(await outcomeOf(0, undefined, limits), 'in time');
    t.equal(await outcomeOf(20_000, 30_000, limits), 'in time');
    t.equal(await outcomeOf(0, 60_000, limits), 'request_timeout', 'in the queue alone');
    t.equal(await outcomeOf(60_000, 0, limits), 'request_timeout', 'in the framework alone');
    t.equal(await outcomeOf(20_000, 40_000, limits), 'request_timeout', 'together');
  }
});

t.test('an explanation has the same deadline', async (t) => {
  const { proxy, hold, upstream } = await setUp(t);
  hold('keyserver');
  const body = {
    ClientId: 'acme',
    TokenType: 'test',
    ApiUri: `${upstream.url}/`,
    TimeoutMs: 1,
  };
  const answer = await proxy.send('/explain', {
    method: 'POST',
    headers: ['content-type', 'application/json'],
    body: JSON.stringify(body),
  });
  t.match(answer.problem, { reason: /^(?:keyserver_timeout|request_timeout)$/ });
});

/** Counts deadlines that end. One that does not would be held for good. */
function countEnded(t: Test) {
  const ends = t.capture(Deadline.prototype, 'end', Deadline.prototype.end);
  return () => new Set(ends().map(({ receiver }) => receiver)).size;
}

t.test('a deadline ends with its call, which may fail', async (t) => {
  const { call } = await setUp(t);
  const ended = countEnded(t);
  t.match(await call(), { status: 200 });
  t.equal(ended(), 1);
  t.match(await call({ ApiUri: 'https://elsewhere.example/' }), { status: 403 });
  t.equal(ended(), 1);
});

t.test('a deadline ends with the work of a place, or if there is none', async (t) => {
  const max = 8;
  const { calls, places } = makePlaces(t, max);
  const responses = Array.from({ length: max }, makeResponse);
  for (const response of responses) calls.enter(response);
  t.teardown(() => {
    for (const response of responses) response.emit('close');
  });
  const [first, second] = responses as [ServerResponse, ServerResponse];
  const ended = countEnded(t);
  const work = (raw: ServerResponse, fails = false) =>
    inPlace(
      { places, totalTimeoutMs: 20 },
      { timeoutMs: undefined },
      { logFields: {} } as FastifyRequest,
      { raw, elapsedTime: 0 } as FastifyReply,
      async () => {
        if (fails) throw new Error('some fault');
      },
    );
  const closed = makeResponse();
  Object.defineProperty(closed, 'closed', { value: true });
  await t.rejects(work(closed), { code: 'request_invalid' });
  t.equal(ended(), 1, 'of a caller that is gone');
  await t.rejects(work(first, true), { message: 'some fault' });
  t.equal(ended(), 1);
  await t.rejects(work(second), { code: 'upstream_timeout', options: { reason: 'queue_timeout' } });
  t.equal(ended(), 1, 'of one that waits in vain');
});

import t, { type Test } from 'tap';
import type { Lookup } from '../../../secureproxy/guard/lookup.ts';
import type { ReleaseQuery } from '../../../secureproxy/keyserver-client/client.ts';
import { ServiceError } from '../../../shared/errors.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { testClock } from '../../support/clock.ts';
import { begin, readAnswer, releaseOf, resolvesTo, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answers, startUpstream, writes } from '../../support/upstream.ts';

/** A proxy whose KeyServer answers as the test says, and whose resolver can be held up. */
async function setUp(t: Test, settings: Record<string, string> = {}) {
  const upstream = await startUpstream(t);
  const clock = testClock();
  let seq = 1;
  let answer = (): Release => releaseOf({ destinations: [upstream.url], scrub: false }, { seq });
  const queries: ReleaseQuery[] = [];
  let names = Promise.resolve();
  const resolve = resolvesTo('127.0.0.1');
  const lookup: Lookup = (name) => names.then(() => resolve(name));
  const obtain = async (query: ReleaseQuery) => {
    queries.push(query);
    return answer();
  };
  const proxy = await startProxy(t, { obtain, lookup, settings, clock });
  const { known } = proxy;
  const announce = (...changes: Parameters<typeof known.take>[0]['changes']) =>
    known.take({ seq, changes, ageMs: 0 }, clock.monotonic());
  announce();
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` };
  return {
    upstream,
    proxy,
    clock,
    call: (more: object = {}) => proxy.call({ ...required, ...more }),
    /** Sends a call; its answer can be read while it comes. */
    start: (more: object = {}) =>
      begin(`${proxy.url}/request_api`, {
        method: 'POST',
        headers: ['content-type', 'application/json'],
        body: JSON.stringify({ ...required, ...more }),
      }),
    queries,
    asked: () => queries.length,
    /** Has a change announced, and KeyServer answer otherwise from then on. */
    change: (
      kind: 'app' | 'type',
      id: string,
      next?: ServiceError | Parameters<typeof releaseOf>[0],
    ) => {
      seq += 1;
      if (next !== undefined) {
        answer = () => {
          if (next instanceof ServiceError) throw next;
          return releaseOf(next, { seq });
        };
      }
      announce({ seq, kind, id });
    },
    holdNames: () => {
      const { promise, resolve: letGo } = Promise.withResolvers<void>();
      names = promise;
      t.teardown(letGo);
      return letGo;
    },
  };
}

const unknownCaller = new ServiceError('caller_unauthenticated', { reason: 'app_unknown' });

t.test('nothing is sent if the app was revoked while a connection was made', async (t) => {
  const { upstream, call, asked, change, holdNames } = await setUp(t);
  const letGo = holdNames();
  const answer = call();
  await until(() => asked() === 1);
  change('app', 'orders', unknownCaller);
  letGo();
  t.match(await answer, { status: 401, problem: { reason: 'app_unknown' } });
  t.equal(upstream.requests.length, 0);
});

t.test('nothing is sent if the app was revoked while the call was queued', async (t) => {
  const settings = { UPSTREAM_CONNECTIONS: '1', TOKEN_CACHE_SECONDS: '0' };
  const { upstream, call, asked, change } = await setUp(t, settings);
  upstream.script(() => undefined);
  const first = call();
  await until(() => upstream.requests.length === 1);
  const second = call();
  await until(() => asked() === 2);
  change('app', 'orders', unknownCaller);
  upstream.script(answers(200, 'late'));
  const last = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
  for (const socket of upstream.open) socket.write(last);
  t.match(await first, { status: 200 });
  t.match(await second, { status: 401 });
  t.equal(upstream.requests.length, 1);
  t.equal(upstream.connections(), 1);
  t.equal(asked(), 3);
});

t.test('a call that waited longer than its release holds obtains another', async (t) => {
  const { upstream, call, clock, asked, holdNames } = await setUp(t);
  const letGo = holdNames();
  const answer = call();
  await until(() => asked() === 1);
  // The lease has ended, and five seconds have passed.
  clock.advance(6000);
  letGo();
  t.match(await answer, { status: 200 });
  t.equal(asked(), 2);
  t.equal(upstream.requests.length, 1);
});

t.test('a revocation cuts a running answer, and the log says so', async (t) => {
  const { upstream, proxy, start, change } = await setUp(t);
  upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome'));
  const answering = readAnswer(await start().answered);
  await proxy.running.check();
  t.equal(upstream.open.size, 1, 'which runs on without one');
  change('app', 'orders', unknownCaller);
  await proxy.running.check();
  t.match(await answering, { status: 200, whole: false });
  await until(() => upstream.open.size === 0);
  t.match(await proxy.requestLine(), {
    'error.type': 'grant_denied',
    'error.reason': 'taken_away',
    'upstream.response.status_code': 200,
  });
});

t.test('a revocation cuts a call that waits for its answer', async (t) => {
  const { upstream, proxy, call, change } = await setUp(t);
  upstream.script(() => undefined);
  const answer = call();
  await until(() => upstream.requests.length === 1);
  change('type', 'test', new ServiceError('type_not_found'));
  await proxy.running.check();
  t.match(await answer, {
    status: 403,
    problem: { code: 'grant_denied', reason: 'taken_away', detail: /type_not_found/ },
  });
});

t.test('a call with the token is cut if its destination becomes plain', async (t) => {
  const { upstream, proxy, start, change } = await setUp(t);
  upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome'));
  const answering = readAnswer(await start().answered);
  const destinations = ['https://api.market.example'];
  change('type', 'test', { destinations, plainDestinations: [upstream.url] });
  await proxy.running.check();
  t.match(await answering, { whole: false });
  t.match(await proxy.requestLine(), { 'error.reason': 'taken_away' });
});

t.test('a call without the token runs on after another change', async (t) => {
  const { upstream, proxy, start, change } = await setUp(t);
  const policy = {
    ...{ destinations: ['https://api.market.example'], plainDestinations: [upstream.url] },
    scrub: false,
  };
  change('type', 'test', policy);
  upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsome'));
  const answering = readAnswer(await start().answered);
  change('type', 'test', { ...policy, publicFields: ['id'] });
  await proxy.running.check();
  for (const socket of upstream.open) socket.write('more');
  t.match(await answering, { whole: true, text: 'somemore' });
});

t.test('a reference is judged as the URL that was sent, whatever it means by now', async (t) => {
  const { upstream, proxy, start, change } = await setUp(t);
  upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome'));
  const answering = readAnswer(await start({ ApiUri: '/' }).answered);
  change('type', 'test', { destinations: ['https://api.market.example'] });
  await proxy.running.check();
  t.match(await answering, { whole: false });
});

t.test('a call that has ended is not judged, even if its request was sent twice', async (t) => {
  const { upstream, proxy, call, asked, change } = await setUp(t);
  upstream.script((socket, request) => {
    if (upstream.requests.length === 2) socket.end();
    else answers(200, 'ok')(socket, request);
  });
  t.match([await call({ Method: 'GET' }), await call({ Method: 'GET' })], [{ status: 200 }, {}]);
  t.equal(upstream.requests.length, 3);
  change('app', 'orders');
  await proxy.running.check();
  t.equal(asked(), 1);
});

const [authority, another] = ['AAAA', 'BBBB'].map(
  (base64) => `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
) as [string, string];

const distrusts: [string, Partial<Policy>, Partial<Policy>][] = [
  ['its CA', { ca: authority }, { ca: another }],
  ['the public CAs', {}, { ca: another }],
  ['a private block', { unsafeAllowPrivate: ['127.0.0.0/8', '10.0.0.0/8'] }, {}],
];
for (const [name, before, now] of distrusts) {
  t.test(`a call is cut if its type no longer trusts ${name}`, async (t) => {
    const { upstream, proxy, start, change } = await setUp(t);
    const destinations = [upstream.url];
    change('type', 'test', { destinations, scrub: false, ...before });
    upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome'));
    const answering = readAnswer(await start().answered);
    change('type', 'test', { destinations, scrub: false, ...before, publicFields: ['id'] });
    await proxy.running.check();
    t.equal(upstream.open.size, 1, 'which runs on after another change');
    change('type', 'test', { destinations, scrub: false, ...now });
    await proxy.running.check();
    t.match(await answering, { whole: false });
    t.match(await proxy.requestLine(), { 'error.reason': 'taken_away' });
  });
}

t.test('another change, or an unreachable KeyServer, cuts nothing', async (t) => {
  const settings = { TOKEN_CACHE_SECONDS: '0' };
  const { upstream, proxy, start, change, asked, queries } = await setUp(t, settings);
  upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsome'));
  const answering = readAnswer(await start().answered);
  const rounds: (readonly [ServiceError | undefined, number])[] = [
    [undefined, 2],
    [new ServiceError('keyserver_unavailable', { reason: 'keyserver_unreachable' }), 3],
    [new ServiceError('overloaded'), 4],
  ];
  for (const [error, count] of rounds) {
    change('app', 'orders', error);
    await proxy.running.check();
    t.equal(asked(), count);
    if (error === undefined) await proxy.running.check();
    t.equal(asked(), count, 'a call that was judged anew is current');
    t.equal(queries.at(-1)?.isUrgent, true, 'not behind the questions of its app');
  }
  for (const socket of upstream.open) socket.write('more');
  t.match(await answering, { whole: true, text: 'somemore' });
});

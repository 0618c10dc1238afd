import t, { type Test } from 'tap';
import { Callers } from '../../../secureproxy/callers/callers.ts';
import type { RetryTimer } from '../../../secureproxy/keyserver-client/http.ts';
import { BodyBudget } from '../../../secureproxy/receipt/body-budget.ts';
import { KnownChanges } from '../../../secureproxy/releases/known-changes.ts';
import { acceptCalls, admitCaller } from '../../../secureproxy/routes/admission.ts';
import { systemClock } from '../../../shared/clock.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../../shared/errors.ts';
import { startApp } from '../../shared/app.ts';
import { noPauses } from '../../support/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { plainPolicy } from '../../support/pair-state.ts';
import { startProxy } from '../../support/proxy.ts';
import { readRaw, sendRaw } from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';
import { startUpstream } from '../../support/upstream.ts';

t.test('a call is of a known caller if KeyServer accepted its own key', async (t) => {
  const { app, log } = await startApp(t);
  const accepted = makeCallerKey('spk_');
  let asked = 0;
  const callers = new Callers({
    client: {
      whoami: async ({ appKey }) => {
        asked += 1;
        if (appKey !== null && appKey !== accepted)
          throw new ServiceError('caller_unauthenticated');
        const name = appKey === null ? 'anonymous' : 'orders';
        return { app: name, cacheSeconds: 60, seq: 1, ageMs: 0 };
      },
    },
    clock: systemClock,
    known: new KnownChanges(systemClock),
    log: log.logger,
    maxEntries: 10,
  });
  const budget = new BodyBudget({ totalBytes: 0, strangersBytes: 0, sourceBytes: 0 });
  acceptCalls(app, { budget, limitBytes: 0 }, new Set());
  app.get('/', { onRequest: admitCaller({ callers }) }, async (request) => ({
    known: request.isKnownCaller,
  }));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const get = async (key?: string) =>
    (await fetch(url, { headers: key === undefined ? {} : { 'x-key': key } })).json();
  for (let i = 0; i < 2; i++) {
    t.match(await get(accepted), { known: true });
    t.match(await get(), { known: false }, 'anonymous is whoever reaches the port');
    t.match(await get(makeCallerKey('spk_')), { code: 'caller_unauthenticated' });
  }
  t.equal(asked, 4, 'once each, and once for each stranger');
  const entries = () => log.lines().filter(({ msg }) => msg === 'request');
  await until(() => entries().length === 6);
  t.match(
    entries().map((line) => [line.app, 'keyserver.duration_ms' in line]),
    [
      ['orders', true],
      ['anonymous', true],
      [undefined, true],
      ['orders', false],
      ['anonymous', false],
      [undefined, true],
    ],
  );
});

async function startPair(t: Test, retryTimer?: RetryTimer) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('test', plainPolicy(upstream.url));
  await keyserver.putToken('acme', 'test', 'fixture-token');
  const appKey = await keyserver.putApp('orders');
  const proxy = await startProxy(t, {
    keyserverUrl: keyserver.url,
    proxyKey: await keyserver.putProxy('edge'),
    ...(retryTimer && { retryTimer }),
  });
  /** A request whose body never comes. */
  const halted = (...headers: string[]) =>
    sendRaw(
      proxy.url,
      [
        'POST /request_api HTTP/1.1',
        'Host: localhost',
        'Connection: close',
        'Content-Type: application/json',
        'Content-Length: 1000000',
        ...headers,
        '',
        '{',
      ].join('\r\n'),
    );
  return { upstream, keyserver, proxy, appKey, halted };
}

t.test('a stranger is rejected before the body is read, with an entry that says why', async (t) => {
  const { proxy, keyserver, halted } = await startPair(t);
  for (const headers of [[], [`X-Key: ${makeCallerKey('spk_')}`]]) {
    t.match(readRaw(await halted(...headers)), {
      status: 401,
      problem: { code: 'caller_unauthenticated', reason: 'app_unknown' },
    });
  }
  for (const place of [0, 1]) {
    const line = await proxy.requestLine(place);
    t.match(line, {
      level: 'info',
      'http.request.method': 'POST',
      'url.template': '/request_api',
      'http.response.status_code': 401,
      'error.type': 'caller_unauthenticated',
      'error.reason': 'app_unknown',
      'keyserver.duration_ms': Number,
      'keyserver.retries': 0,
      'http.request.body.size': 1_000_000,
    });
    const [seen] = keyserver.log().filter(({ request_id }) => request_id === line.request_id);
    t.match(seen, { proxy: 'edge', 'error.reason': 'app_unknown', trace_id: line.trace_id });
  }
});

t.test('without KeyServer a known app goes on, and an unknown one hears why not', async (t) => {
  const { proxy, keyserver, upstream, appKey } = await startPair(t, noPauses());
  const late = await keyserver.putApp('late');
  const call = (key: string) =>
    proxy.call(
      { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` },
      { headers: ['x-key', key] },
    );
  t.equal((await call(appKey)).status, 200);
  await keyserver.close();
  t.equal((await call(appKey)).status, 200);
  t.match(await call(late), {
    status: 503,
    problem: { code: 'keyserver_unavailable', reason: 'keyserver_unreachable' },
  });
});

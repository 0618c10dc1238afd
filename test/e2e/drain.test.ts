import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import t from 'tap';
import { readiness } from '../support/listening.ts';
import { callApi, startPair, type TestPair } from '../support/pair.ts';
import { tokenType } from '../support/pair-state.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';

const clients = ['shop-1', 'shop-2', 'shop-3', 'shop-4'];
const statusOf = async (pair: TestPair, ClientId = 'shop-1') => {
  try {
    const answer = await pair.call({ ClientId });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
};
const succeed = (pair: TestPair) =>
  pollUntil(
    'calls succeed for all',
    () => Promise.all(clients.map((client) => statusOf(pair, client))),
    (statuses) => statuses.every((status) => status === 200),
  );

t.test('SIGTERM: unready at once, calls still taken for the delay, then a clean end', async (t) => {
  const held: (() => void)[] = [];
  const upstream = await startPlainUpstream(t, (request, response) => {
    request.resume();
    if (request.url === '/held') held.push(() => response.end('held'));
    else response.end('quick');
  });
  const drain = { DRAIN_DELAY_MS: '4000' };
  const pair = await startPair(t, { upstream, secureproxy: drain, keyserver: drain });
  const call = { ClientId: 'shop-1', TokenType: tokenType };
  const key = { authorization: `Bearer ${pair.appKey}` };
  const { origin, process: proxy, output } = pair.secureproxy;
  const inFlight = callApi(origin, { ...call, ApiUri: `${upstream}/held` }, key);
  await pollUntil(
    'it is in flight',
    () => held.length,
    (count) => count === 1,
  );
  for (const { process: service } of [pair.secureproxy, pair.keyserver]) {
    process.kill(service.pid ?? 0, 'SIGTERM');
  }
  for (const { origin: one } of [pair.secureproxy, pair.keyserver]) {
    await pollUntil(
      'unready',
      () => readiness(one),
      ({ status }) => status === 503,
    );
    t.match(await readiness(one), {
      body: { status: 'unready', checks: { shutdown: 'draining' } },
    });
  }
  const late = await callApi(origin, { ...call, ApiUri: `${upstream}/quick` }, key);
  t.equal(late.status, 200, 'taken after the signal, KeyServer asked included');
  t.equal(await late.text(), 'quick');
  t.equal(late.headers.get('connection'), 'close');
  await pollUntil(
    'the delay ends',
    () =>
      fetch(`${origin}/healthz`).then(
        ({ status }) => status,
        () => 'refused',
      ),
    (status) => status === 'refused',
  );
  t.equal(output.linesWith({ msg: 'stopped' }).length, 0, 'a call is in flight still');
  for (const finish of held) finish();
  t.equal(await (await inFlight).text(), 'held');
  t.equal(await proxy.exited, 'code 0');
  t.equal(await pair.keyserver.process.exited, 'code 0');
});

t.test('what is killed in the midst of calls works again once it is started', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, {
    upstream,
    clients,
    secureproxy: { TOKEN_CACHE_SECONDS: '0' },
  });
  for (const service of [pair.keyserver, pair.secureproxy]) {
    await succeed(pair);
    const calls = Array.from({ length: 40 }, (_, i) => statusOf(pair, clients[i % clients.length]));
    process.kill(service.process.pid ?? 0, 'SIGKILL');
    t.equal(await service.process.exited, 'signal SIGKILL');
    for (const status of await Promise.all(calls)) {
      t.ok([0, 200, 503].includes(status), `${status}`);
    }
    await service.restart();
    await succeed(pair);
  }
});

t.test(
  'without KeyServer the proxy is degraded, then unready, and ready again by itself',
  async (t) => {
    const upstream = await startPlainUpstream(t, showAuthorization);
    const pair = await startPair(t, { upstream, secureproxy: { KEYSERVER_TIMEOUT_MS: '300' } });
    const { origin } = pair.secureproxy;
    t.match(await readiness(origin), { status: 200, body: { status: 'ready' } });
    await pair.keyserver.process.stop();
    t.equal(await statusOf(pair, 'unknown'), 503);
    t.same(await readiness(origin), {
      status: 200,
      body: {
        status: 'degraded',
        checks: { keyserver: 'unreachable' },
        detail: 'KeyServer does not answer.',
      },
    });
    await pollUntil(
      'unready, since no release is cached any more',
      () => readiness(origin),
      ({ status }) => status === 503,
    );
    await pair.keyserver.restart();
    await pollUntil(
      'ready',
      () => readiness(origin),
      ({ body }) => Object(body).status === 'ready',
    );
  },
);

t.test('a crowd waits for its turn, and probes are answered meanwhile', async (t) => {
  const crowd = 200;
  let open = 0;
  let most = 0;
  const held: (() => void)[] = [];
  let isHeld = true;
  const upstream = await startPlainUpstream(t, (request, response) => {
    request.resume();
    open += 1;
    most = Math.max(most, open);
    const finish = () => {
      open -= 1;
      response.end('done');
    };
    if (isHeld) held.push(finish);
    else finish();
  });
  const pair = await startPair(t, { upstream, secureproxy: { UPSTREAM_CONNECTIONS: '4' } });
  const calls = Array.from({ length: crowd }, () => statusOf(pair));
  await pollUntil(
    'the connections are taken',
    () => held.length,
    (count) => count === 4,
  );
  t.equal(await pair.secureproxy.readyStatus(), 200);
  t.equal(await pair.keyserver.readyStatus(), 200);
  isHeld = false;
  for (const finish of held) finish();
  t.same(await Promise.all(calls), Array(crowd).fill(200));
  t.equal(most, 4);
});

t.test('an upload that began before the signal is taken whole', async (t) => {
  let got = 0;
  const upstream = await startPlainUpstream(t, (request, response) => {
    request.on('data', (chunk: Buffer) => {
      got += chunk.length;
    });
    request.on('end', () => response.end('taken'));
  });
  const pair = await startPair(t, { upstream });
  const { origin, process: proxy, output } = pair.secureproxy;
  const body = JSON.stringify({
    ClientId: 'shop-1',
    TokenType: tokenType,
    ApiUri: `${upstream}/`,
    Body: 'x'.repeat(300_000),
  });
  const sent = httpRequest(`${origin}/request_api`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      authorization: `Bearer ${pair.appKey}`,
      expect: '100-continue',
    },
  });
  sent.flushHeaders();
  await once(sent, 'continue');
  sent.write(body.slice(0, 1000));
  process.kill(proxy.pid ?? 0, 'SIGTERM');
  await pollUntil(
    'stopping',
    () => output.linesWith({ msg: 'stopping' }).length,
    (n) => n === 1,
  );
  sent.end(body.slice(1000));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  t.equal(answer.statusCode, 200);
  answer.resume();
  t.equal(got, 300_000);
  t.equal(await proxy.exited, 'code 0');
});

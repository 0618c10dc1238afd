import type { RequestListener } from 'node:http';
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

// One pair, since each start takes a while; the last part ends it.
t.test('a pair under load, in outages and at its end', async (t) => {
  let listener: RequestListener = showAuthorization;
  const upstream = await startPlainUpstream(t, (request, response) => listener(request, response));
  const pair = await startPair(t, {
    upstream,
    clients,
    secureproxy: { UPSTREAM_CONNECTIONS: '4' },
  });

  await t.test('a crowd waits for its turn, and probes are answered meanwhile', async (t) => {
    // A call waits for two seconds, so it is no larger than a busy machine can take in by then.
    const crowd = 40;
    let open = 0;
    let most = 0;
    const held: (() => void)[] = [];
    let isHeld = true;
    listener = (request, response) => {
      request.resume();
      open += 1;
      most = Math.max(most, open);
      const finish = () => {
        open -= 1;
        response.end('done');
      };
      if (isHeld) held.push(finish);
      else finish();
    };
    const calls = Array.from({ length: crowd }, () => statusOf(pair));
    await pollUntil(
      'the connections are taken',
      () => held.length,
      (count) => count === 4,
    );
    const probes = [pair.secureproxy.readyStatus(), pair.keyserver.readyStatus()];
    t.same(await Promise.all(probes), [200, 200]);
    isHeld = false;
    for (const finish of held) finish();
    t.same(await Promise.all(calls), Array(crowd).fill(200));
    t.equal(most, 4);
  });

  await t.test(
    'without KeyServer the proxy is degraded, then unready, and ready again by itself',
    async (t) => {
      listener = showAuthorization;
      const { origin } = pair.secureproxy;
      t.match(await readiness(origin), { status: 200, body: { status: 'ready' } });
      t.equal(await statusOf(pair), 200, 'a release is cached');
      const seen: Awaited<ReturnType<typeof readiness>>[] = [];
      const unready = pollUntil(
        'unready, since no release is cached any more',
        async () => {
          const now = await readiness(origin);
          seen.push(now);
          return now;
        },
        ({ status }) => status === 503,
      );
      await pair.keyserver.process.stop();
      t.equal(await statusOf(pair, 'unknown'), 503);
      await unready;
      const degraded = {
        status: 200,
        body: {
          status: 'degraded',
          checks: { keyserver: 'unreachable' },
          detail: 'KeyServer does not answer.',
        },
      };
      const isReady = ({ body }: (typeof seen)[number]) => Object(body).status === 'ready';
      const [firstOther, ...more] = seen.filter((one) => !isReady(one));
      t.same(firstOther, degraded);
      t.equal(more.at(-1)?.status, 503);
      await pair.keyserver.restart();
      await pollUntil('ready', () => readiness(origin), isReady);
    },
  );

  await t.test('what is killed in the midst of calls works again once it is started', async (t) => {
    const restarts = [
      // Every call asks KeyServer from here on.
      [pair.secureproxy, { DRAIN_DELAY_MS: '5000', TOKEN_CACHE_SECONDS: '0' }],
      [pair.keyserver, { DRAIN_DELAY_MS: '5000' }],
    ] as const;
    for (const [service, settings] of restarts) {
      await succeed(pair);
      const calls = Array.from({ length: 40 }, (_, i) =>
        statusOf(pair, clients[i % clients.length]),
      );
      process.kill(service.process.pid ?? 0, 'SIGKILL');
      t.equal(await service.process.exited, 'signal SIGKILL');
      for (const status of await Promise.all(calls)) {
        t.ok([0, 200, 503].includes(status), `${status}`);
      }
      await service.restart(settings);
      await succeed(pair);
    }
  });

  await t.test(
    'SIGTERM: unready at once, calls still taken for the delay, then a clean end',
    async (t) => {
      const held: (() => void)[] = [];
      listener = (request, response) => {
        request.resume();
        if (request.url === '/held') held.push(() => response.end('held'));
        else response.end('quick');
      };
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
        const { body } = await pollUntil(
          'unready',
          () => readiness(one),
          ({ status }) => status === 503,
        );
        t.match(body, { status: 'unready', checks: { shutdown: 'draining' } });
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
      t.equal(await pair.keyserver.process.exited, 'code 0');
      t.equal(await proxy.exited, 'code 0');
    },
  );
});

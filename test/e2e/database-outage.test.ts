import t from 'tap';
import { outageTest, scratchDatabase } from '../support/database.ts';
import { problemCode, startPair, type TestPair } from '../support/pair.ts';
import { mysqlSettings } from '../support/pair-state.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';

const clients = ['shop-1', 'shop-2', 'shop-3', 'shop-4'];
const rounds = 2;
/** Two seconds are promised; without its deadline a call waits for minutes. */
const maxMs = 20_000;

interface Refused {
  readonly status: number;
  readonly code: unknown;
  readonly retryAfter: string | null;
  readonly ms: number;
}

async function callRefused(pair: TestPair, ClientId: string): Promise<Refused> {
  const began = performance.now();
  const answer = await pair.call({ ClientId });
  const { code } = Object(await answer.json());
  const ms = Math.round(performance.now() - began);
  return { status: answer.status, code, retryAfter: answer.headers.get('retry-after'), ms };
}

const outages = {
  'is gone': ['kill', 'start'],
  'stands still': ['pause', 'resume'],
} as const;

// One pair, since each start takes a while.
await outageTest(t, 'the pair lives through an outage of the database', async (t, control) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, {
    upstream,
    clients,
    storage: mysqlSettings(await scratchDatabase(t)),
    secureproxy: { TOKEN_CACHE_SECONDS: '0' },
  });
  const { keyserver, secureproxy } = pair;
  const succeeds = async () => (await pair.call()).status;
  const isStatus = (wanted: number) => (status: number) => status === wanted;

  for (const [outage, [begin, end]] of Object.entries(outages)) {
    await t.test(`refuses in time while it ${outage}, and heals by itself`, async (t) => {
      const pids = () => [keyserver.process.pid, secureproxy.process.pid];
      const before = pids();
      t.equal(await succeeds(), 200);

      await control[begin]();
      const refused: Refused[] = [];
      for (let i = 0; i < rounds; i++) {
        refused.push(...(await Promise.all(clients.map((client) => callRefused(pair, client)))));
      }
      await pollUntil('KeyServer is unready', keyserver.readyStatus, isStatus(503));
      t.equal(await secureproxy.readyStatus(), 200, 'cached releases are of use still');
      refused.push(await callRefused(pair, 'shop-1'));
      const slowest = Math.max(...refused.map(({ ms }) => ms));
      t.comment(`slowest of ${refused.length} refusals: ${slowest} ms`);
      t.ok(slowest < maxMs, 'none kept its caller waiting');
      t.same(
        refused.map(({ status, code, retryAfter }) => ({ status, code, retryAfter })),
        refused.map(() => ({ status: 503, code: 'keyserver_unavailable', retryAfter: '1' })),
      );

      await control[end]();
      await pollUntil('KeyServer is ready', keyserver.readyStatus, isStatus(200));
      await pollUntil('calls succeed', succeeds, isStatus(200));
      t.same(pids(), before, 'nothing was restarted');
    });
  }

  await t.test('starts without it, unready, and heals by itself', async (t) => {
    await Promise.all([keyserver.process.stop(), secureproxy.process.stop()]);
    await control.stop();
    const said = () => keyserver.output.linesWith({ msg: 'database unreachable' }).length;
    const saidBefore = said();
    // Neither is ready before the database is back.
    const starting = Promise.all([keyserver.restart(), secureproxy.restart()]);
    t.equal(
      await pollUntil('KeyServer answers', keyserver.readyStatus, (status) => status !== 0),
      503,
    );
    await pollUntil('the proxy answers', secureproxy.readyStatus, isStatus(503));
    const refused = await pair.call();
    t.equal(refused.status, 503);
    t.equal(await problemCode(refused), 'keyserver_unavailable');

    await control.start();
    await starting;
    t.equal(said() - saidBefore, 1, 'said once an outage');
    const answer = await pair.call();
    t.equal(answer.status, 200);
    t.same(await answer.json(), showOf(`Bearer ${pair.tokens['shop-1']}`));
  });
});

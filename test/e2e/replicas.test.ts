import t from 'tap';
import { createProxy } from '../../keyserver/operations/callers.ts';
import { scratchDatabase } from '../support/database.ts';
import { callApi, runKeyserver, runSecureproxy } from '../support/pair.ts';
import { makeState, mysqlSettings, seed, tokenType } from '../support/pair-state.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startTcpForwarder } from '../support/tcp-forwarder.ts';

const rounds = 5;
const clients = ['shop-1', 'shop-2', 'shop-3', 'shop-4', 'shop-5', 'shop-6', 'shop-7', 'shop-8'];

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

t.test('a ticket of one KeyServer opens at its replica, for each of two proxies', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const state = await makeState(t, mysqlSettings(await scratchDatabase(t)));
  const { appKey, proxyKey, tokens } = await seed(state, upstream, clients);
  const keys = { 'proxy-1': proxyKey, 'proxy-2': await createProxy(state.admin, 'proxy-2') };
  const replicas = await Promise.all([runKeyserver(t, state), runKeyserver(t, state)]);
  const { port } = await startTcpForwarder(
    t,
    replicas.map((replica) => replica.port),
  );
  const releases = (members: Record<string, string>) =>
    replicas.map(
      ({ output }) =>
        output.linesWith({ 'url.template': '/', 'http.response.status_code': 200, ...members })
          .length,
    );

  for (const [proxy, key] of Object.entries(keys)) {
    const { origin } = await runSecureproxy(t, port, key, { TOKEN_CACHE_SECONDS: '0' });
    const call = async (ClientId: string) => {
      const answer = await callApi(
        origin,
        { ClientId, TokenType: tokenType, ApiUri: upstream },
        { authorization: `Bearer ${appKey}` },
      );
      return answer.json();
    };
    const expected = clients.map((client) => showOf(`Bearer ${tokens[client]}`));
    // All at once, so that it takes several connections, which go to the replicas in turn.
    for (let i = 0; i < rounds; i++) t.same(await Promise.all(clients.map(call)), expected);

    // More if a proxy heard of a change from one KeyServer before the other had read it: it asks again.
    const all = rounds * clients.length;
    await pollUntil(
      'all is logged',
      () => sum(releases({ proxy })),
      (count) => count >= all,
    );
    const byKey = releases({ proxy, release: 'rsa' });
    const byTicket = releases({ proxy, release: 'ticket' });
    // None if the change feed or the question who calls opened it.
    t.ok(sum(byKey) <= 1, `${proxy} opened one session`);
    t.ok(Math.min(...byTicket) > 0, `both took its ticket: ${byTicket.join(' and ')} times`);
  }
  const invalid = replicas.flatMap(({ output }) =>
    output.linesWith({ 'error.type': 'session_invalid' }),
  );
  t.equal(invalid.length, 0);
});

import t from 'tap';
import { startPair } from '../support/pair.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startTcpForwarder, type TcpForwarder } from '../support/tcp-forwarder.ts';

const concurrency = 16;
const callsEach = 20;
/** A KeyServer that has begun makes proxies drop what they know for some seconds: calls in progress ask again. */
const maxAskedAgain = 8 * concurrency;

t.test('hundreds of uncached calls share a key, a session and few connections', async (t) => {
  const clients = Array.from({ length: concurrency }, (_, i) => `shop-${i}`);
  const forwarders: TcpForwarder[] = [];
  const pair = await startPair(t, {
    upstream: await startPlainUpstream(t, showAuthorization),
    clients,
    secureproxy: { TOKEN_CACHE_SECONDS: '0' },
    between: async (keyserverPort) => {
      const forwarder = await startTcpForwarder(t, [keyserverPort]);
      forwarders.push(forwarder);
      return forwarder.port;
    },
  });
  const right = await Promise.all(
    clients.map(async (ClientId) => {
      const expected = JSON.stringify(showOf(`Bearer ${pair.tokens[ClientId]}`));
      let count = 0;
      for (let i = 0; i < callsEach; i++) {
        const answer = await pair.call({ ClientId });
        if ((await answer.text()) === expected && answer.status === 200) count += 1;
      }
      return count;
    }),
  );
  t.same(right, Array(concurrency).fill(callsEach), "each got its own client's token");

  const { output } = pair.keyserver;
  const calls = concurrency * callsEach;
  await pollUntil(
    'all is logged',
    () => output.linesWith({ 'url.template': '/' }).length,
    (count) => count >= calls,
  );
  t.equal(output.linesWith({ 'url.template': '/public_key' }).length, 1);
  const released = output.linesWith({
    'url.template': '/',
    'http.response.status_code': 200,
  }).length;
  t.ok(released >= calls && released <= calls + maxAskedAgain, `${released} releases`);
  const byKey = output.linesWith({ release: 'rsa' }).length;
  t.ok(byKey <= 1, 'one key was unwrapped, unless another question had opened the session');
  t.equal(output.linesWith({ release: 'ticket' }).length, released - byKey);
  const accepted = forwarders[0]?.accepted ?? 0;
  // And one for the feed.
  t.ok(accepted <= concurrency + 1, `${accepted} connections`);
  t.ok(accepted >= 1);
});

import t from 'tap';
import { pollUntil } from '../../support/poll-until.ts';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { answers, startUpstream } from '../../support/upstream.ts';

t.test('calls that ended without a connection are few at an origin that gives none', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script(answers(200, 'ok'));
  const unanswered: (() => void)[] = [];
  let isSilent = true;
  const proxy = await startProxy(t, {
    // The origin gives no connection until the test says so.
    settings: { UPSTREAM_CONNECT_TIMEOUT_MS: '600000' },
    obtain: async () => releaseOf({ destinations: [upstream.url] }),
    lookup: async () => {
      if (isSilent) await new Promise<void>((done) => unanswered.push(done));
      return ['127.0.0.1'];
    },
  });
  const call = (TimeoutMs = 5000) =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/`, TimeoutMs });
  const late = await Promise.all(Array.from({ length: 16 }, () => call(100)));
  for (const answer of late) t.match(answer, { status: 504 });
  // A busy machine ends some before they ask for a connection, and others take their places.
  const rejected = await pollUntil(
    'no place is left',
    () => call(),
    ({ status }) => status === 503,
  );
  t.match(rejected.problem, { code: 'overloaded', reason: 'origin_connections' });
  t.equal(upstream.requests.length, 0);
  isSilent = false;
  for (const done of unanswered) done();
  await pollUntil('it connects', call, ({ status }) => status === 200);
  t.ok(upstream.requests.length >= 1, 'none of the ended calls was sent');
});

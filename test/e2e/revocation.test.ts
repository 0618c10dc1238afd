import t from 'tap';
import { deleteDocument } from '../../keyserver/admin/documents.ts';
import { grantId, removeGrant } from '../../keyserver/admin/grants.ts';
import { deleteToken } from '../../keyserver/admin/tokens.ts';
import { putType } from '../../keyserver/admin/types.ts';
import { scratchDatabase } from '../support/database.ts';
import { problemCode, startPair, type TestPair } from '../support/pair.ts';
import { mysqlSettings, type PairState, plainPolicy, tokenType } from '../support/pair-state.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startSwitchboard } from '../support/switchboard.ts';

interface Revocation {
  readonly revoke: (pair: TestPair) => Promise<unknown>;
  /** Status and code of a call from then on. */
  readonly refusal: readonly [number, string];
}

const revocations: Readonly<Record<string, Revocation>> = {
  'an app is revoked': {
    revoke: ({ admin }) => deleteDocument(admin, 'app', 'orders'),
    refusal: [401, 'caller_unauthenticated'],
  },
  'a proxy is revoked': {
    revoke: ({ admin }) => deleteDocument(admin, 'proxy', 'proxy-1'),
    refusal: [503, 'keyserver_unavailable'],
  },
  'a grant is removed': {
    revoke: ({ admin }) => removeGrant(admin, 'orders', grantId({ client: '*', type: tokenType })),
    refusal: [403, 'grant_denied'],
  },
  'a token is deleted': {
    revoke: ({ admin }) => deleteToken(admin, { clientId: 'shop-1', tokenType }),
    refusal: [424, 'token_not_found'],
  },
  'a type is deleted': {
    revoke: ({ admin }) => deleteDocument(admin, 'type', tokenType),
    refusal: [424, 'type_not_found'],
  },
  'the destination is taken from a type': {
    revoke: ({ admin }) => putType(admin, tokenType, plainPolicy('http://elsewhere.example.com')),
    refusal: [403, 'destination_denied'],
  },
};

/** Without a lease a release is kept for five seconds, under one for this policy's 300. */
function keptForMinutes(upstream: string) {
  return ({ admin }: PairState) =>
    putType(admin, tokenType, { ...plainPolicy(upstream), cacheSeconds: 300 });
}

async function outcome(call: Promise<Response>): Promise<readonly [number, unknown]> {
  const answer = await call;
  if (answer.status === 200) {
    await answer.arrayBuffer();
    return [200, undefined];
  }
  return [answer.status, await problemCode(answer)];
}

t.test('calls that were allowed are refused soon after', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  for (const [what, { revoke, refusal }] of Object.entries(revocations)) {
    await t.test(what, async (t) => {
      const pair = await startPair(t, { upstream, prepare: keptForMinutes(upstream) });
      await pollUntil(
        'the cache is warm',
        async () => {
          t.same(await outcome(pair.call()), [200, undefined]);
          return pair.secureproxy.output.linesWith({ release: 'cached' }).length;
        },
        (cached) => cached > 0,
      );

      await revoke(pair);
      const revokedAt = performance.now();
      const last = await pollUntil(
        'calls are refused',
        () => outcome(pair.call()),
        ([status]) => status !== 200,
      );
      t.comment(`refused after ${Math.round(performance.now() - revokedAt)} ms`);
      t.same(last, refusal);
      t.same(await outcome(pair.call()), refusal, 'and stay so');
    });
  }
});

t.test('what is kept for minutes ends by a question or two of the feed', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, {
    upstream,
    storage: mysqlSettings(await scratchDatabase(t)),
    keyserver: { LOG_LEVEL: 'debug' },
    prepare: keptForMinutes(upstream),
  });
  const lines = (template: string) =>
    pair.keyserver.output.linesWith({ 'url.template': template }).length;
  const callUntilAsked = (times: number) =>
    pollUntil(
      `the feed asked ${times} times`,
      async () => {
        t.same(await outcome(pair.call()), [200, undefined]);
        return lines('/changes');
      },
      (asked) => asked >= times,
    );
  await callUntilAsked(7);
  const releases = lines('/');
  await callUntilAsked(14);
  t.equal(lines('/'), releases, 'one release served seven seconds');

  await deleteDocument(pair.admin, 'app', 'orders');
  const asked = lines('/changes');
  await pollUntil(
    'calls are refused',
    () => outcome(pair.call()),
    ([status]) => status === 401,
  );
  const more = lines('/changes') - asked;
  t.ok(more >= 1 && more <= 3, `${more} questions later`);
});

t.test('where nobody is asked any more, what is kept for minutes ends after seconds', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const line = await startSwitchboard(t, null);
  const pair = await startPair(t, {
    upstream,
    prepare: keptForMinutes(upstream),
    between: async (port) => {
      line.connectTo(`http://127.0.0.1:${port}`);
      return Number(new URL(line.url).port);
    },
  });
  t.same(await outcome(pair.call()), [200, undefined]);
  line.connectTo(null);
  t.same(
    await pollUntil(
      'calls are refused',
      () => outcome(pair.call()),
      ([status]) => status !== 200,
    ),
    [503, 'keyserver_unavailable'],
  );
  t.equal(pair.secureproxy.output.linesWith({ msg: 'change feed cut' }).length, 1);
});

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createApp } from '../../keyserver/operations/callers.ts';
import { deleteDocument } from '../../keyserver/operations/documents.ts';
import { addGrant, removeGrant } from '../../keyserver/operations/grants.ts';
import { deleteToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import { grantId } from '../../shared/policy/grant-id.ts';
import { leaseMs } from '../../shared/protocol/change-messages.ts';
import { outcome, startPair, type TestPair } from '../support/pair.ts';
import { keptForMinutes, plainPolicy, tokenType } from '../support/pair-state.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';

t.test('an app can call as soon as it has been created', async (t) => {
  const pair = await startPair(t, { upstream: await startPlainUpstream(t, showAuthorization) });
  for (const id of ['one', 'two', 'three']) {
    const key = await createApp(pair.admin, id);
    await addGrant(pair.admin, id, { client: '*', type: tokenType });
    t.same(await outcome(pair.call({}, { authorization: `Bearer ${key}` })), [200, undefined]);
  }
});

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

t.setTimeout(240_000);

t.test('calls that were allowed are refused soon after', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const scenes: [string, Revocation, TestPair][] = [];
  for (const [what, revocation] of Object.entries(revocations)) {
    const pair = await startPair(t, { upstream, prepare: keptForMinutes(upstream) });
    scenes.push([what, revocation, pair]);
  }
  // A KeyServer that was just started has all releases dropped at every question.
  await sleep(leaseMs + 1_000);
  for (const [what, { revoke, refusal }, pair] of scenes) {
    await t.test(what, async (t) => {
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
      // A call that ran when the change became known was cut, and says so.
      const isCut = last[0] === 403 && last[1] === 'grant_denied';
      if (!isCut) t.same(last, refusal);
      t.same(await outcome(pair.call()), refusal, 'and stay so');
    });
  }
});

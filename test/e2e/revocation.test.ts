import t from 'tap';
import { createApp, rotateCaller } from '../../keyserver/operations/callers.ts';
import { changeDocument, contentOf } from '../../keyserver/operations/documents.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { deleteToken, putToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import { deleteDocument } from '../support/delete-document.ts';
import { outcome, startPair, type TestPair } from '../support/pair.ts';
import { type PairState, plainPolicy } from '../support/pair-state.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';

interface Revocation {
  /** Of an app and a token type that both have the scene's name. */
  readonly revoke: (admin: PairState['admin'], name: string) => Promise<unknown>;
  /** Status and code of a call from then on. */
  readonly refusal: readonly [number, string];
}

const clientId = 'shop-1';
/** In their order; the last one ends all calls of the pair. */
const revocations: Readonly<Record<string, Revocation>> = {
  'an app is revoked': {
    revoke: (admin, name) => deleteDocument(admin, 'app', name),
    refusal: [401, 'caller_unauthenticated'],
  },
  'a grant is removed': {
    revoke: (admin, name) =>
      changeDocument(admin, 'app', name, (current) => ({
        ...contentOf('app', name, current),
        grants: [],
      })),
    refusal: [403, 'grant_denied'],
  },
  'a token is deleted': {
    revoke: (admin, name) => deleteToken(admin, { clientId, tokenType: name }),
    refusal: [424, 'token_not_found'],
  },
  'a type is deleted': {
    revoke: (admin, name) => deleteDocument(admin, 'type', name),
    refusal: [424, 'type_not_found'],
  },
  'the destination is taken from a type': {
    revoke: (admin, name) => putType(admin, name, plainPolicy('http://elsewhere.example.com')),
    refusal: [403, 'destination_denied'],
  },
  'a proxy is revoked': {
    revoke: (admin) => deleteDocument(admin, 'proxy', 'proxy-1'),
    refusal: [503, 'keyserver_unavailable'],
  },
};
/** More questions of the feed than drop releases of a KeyServer that has begun. */
const questions = 3;

t.test('calls that were allowed are refused soon after', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const appKeys: Record<string, string> = {};
  const pair = await startPair(t, {
    upstream,
    keyserver: { LOG_LEVEL: 'debug' },
    async prepare({ admin }) {
      for (const [index] of Object.entries(revocations).entries()) {
        const name = `scene-${index}`;
        await putType(admin, name, { ...plainPolicy(upstream), cacheSeconds: 300 });
        await putToken(admin, { clientId, tokenType: name, fields: { token: 'made-up' } });
        appKeys[name] = await createApp(admin, name);
        await addGrant(admin, name, { client: '*', type: name });
      }
    },
  });
  const call = (name: string) =>
    outcome(pair.call({ TokenType: name }, { authorization: `Bearer ${appKeys[name]}` }));

  await t.test('a new key works at its first use', async (t) => {
    for (const id of ['one', 'two', 'three']) {
      const key = await createApp(pair.admin, id);
      // Known, although nothing is granted to it.
      const refused = await outcome(pair.call({}, { authorization: `Bearer ${key}` }));
      t.same(refused, [403, 'grant_denied']);
    }
    appKeys['scene-0'] = await rotateCaller(pair.admin, 'app', 'scene-0');
    t.same(await call('scene-0'), [200, undefined]);
  });

  await keepsReleases(pair, () => call('scene-0'));
  for (const [index, [what, { revoke, refusal }]] of Object.entries(revocations).entries()) {
    const name = `scene-${index}`;
    await t.test(what, async (t) => {
      await pollUntil(
        'the cache is warm',
        async () => {
          t.same(await call(name), [200, undefined]);
          return pair.secureproxy.output.linesWith({ release: 'cached', token_type: name }).length;
        },
        (cached) => cached > 0,
      );

      await revoke(pair.admin, name);
      const revokedAt = performance.now();
      const last = await pollUntil(
        'calls are refused',
        () => call(name),
        ([status]) => status !== 200,
      );
      t.comment(`refused after ${Math.round(performance.now() - revokedAt)} ms`);
      // A call that ran when the change became known was cut, and says so.
      const isCut = last[0] === 403 && last[1] === 'grant_denied';
      if (!isCut) t.same(last, refusal);
      t.same(await call(name), refusal, 'and stay so');
    });
  }
});

/** A KeyServer that was just started has all releases dropped at every question of the feed. */
async function keepsReleases({ keyserver }: TestPair, call: () => Promise<unknown>) {
  const lines = (template: string) =>
    keyserver.output.linesWith({ 'url.template': template }).length;
  let since = { releases: -1, asked: 0 };
  await pollUntil(
    'a release outlives questions of the feed',
    async () => {
      await call();
      const now = { releases: lines('/'), asked: lines('/changes') };
      if (now.releases !== since.releases) since = now;
      return now.asked - since.asked;
    },
    (asked) => asked >= questions,
  );
}

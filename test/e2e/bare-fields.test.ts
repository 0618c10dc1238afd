import { createPublicKey, randomBytes } from 'node:crypto';
import t from 'tap';
import { createAnonymousApp } from '../../keyserver/operations/callers.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { importKey } from '../../shared/crypto/aead.ts';
import { openText, responseAad } from '../../shared/crypto/exchange.ts';
import { wrapKey } from '../../shared/crypto/rsa-oaep.ts';
import { deleteDocument } from '../support/delete-document.ts';
import { callApi, problemCode, startPair } from '../support/pair.ts';
import { type PairState, tokenType } from '../support/pair-state.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';

/** Makes the app `anonymous` with a grant for all tokens. */
async function makeAnonymous({ admin }: PairState, options: { direct: boolean }): Promise<void> {
  await createAnonymousApp(admin, options);
  await addGrant(admin, 'anonymous', { client: '*', type: tokenType });
}

/** Asks KeyServer with its three bare arguments, by its published key. */
async function askBare(keyserver: string, clientId: string) {
  const published = await fetch(`${keyserver}/public_key`, { method: 'POST' });
  const raw = randomBytes(32);
  const publicKey = createPublicKey(Object(await published.json()).public_key);
  const sessionKey = wrapKey(publicKey, raw).toString('base64');
  const answer = await fetch(keyserver, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sessionKey, clientId, tokenType }),
  });
  return { answer, key: importKey(raw) };
}

t.test('the three bare fields', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const fields = { ClientId: 'shop-1', TokenType: tokenType, ApiUri: `${upstream}/v1/orders` };
  const pair = await startPair(t, { upstream });
  const call = () => callApi(pair.secureproxy.origin, fields, {});

  await t.test('are unauthenticated at both where there is no anonymous', async (t) => {
    const answer = await call();
    t.equal(answer.status, 401);
    t.equal(answer.headers.get('www-authenticate'), 'Bearer');
    t.equal(await problemCode(answer), 'caller_unauthenticated');

    const direct = await askBare(pair.keyserver.origin, 'shop-1');
    t.equal(direct.answer.status, 401);
    t.equal(await problemCode(direct.answer), 'caller_unauthenticated');
  });

  await t.test('work where anonymous is granted, at the proxy alone if not direct', async (t) => {
    await makeAnonymous(pair, { direct: false });
    const answer = await pollUntil('anonymous is known', call, ({ status }) => status === 200);
    t.same(await answer.json(), showOf(`Bearer ${pair.tokens['shop-1']}`));

    const direct = await askBare(pair.keyserver.origin, 'shop-1');
    t.equal(direct.answer.status, 401);
  });

  await t.test('work at KeyServer too where anonymous is direct', async (t) => {
    await deleteDocument(pair.admin, 'app', 'anonymous');
    await makeAnonymous(pair, { direct: true });
    const { answer, key } = await pollUntil(
      'anonymous is direct',
      () => askBare(pair.keyserver.origin, 'shop-1'),
      ({ answer }) => answer.status === 200,
    );
    const { token, ...others } = Object(await answer.json());
    t.same(others, {});
    const release = JSON.parse(
      openText(key, token, responseAad({ clientId: 'shop-1', tokenType })),
    );
    t.match(release, { app: 'anonymous', fields: { token: pair.tokens['shop-1'] } });
    t.notOk('session' in release, 'there is no ticket without a credential');
  });
});

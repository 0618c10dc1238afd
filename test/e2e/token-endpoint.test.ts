import t from 'tap';
import { readDocument } from '../../keyserver/operations/documents.ts';
import { putType } from '../../keyserver/operations/types.ts';
import { deleteDocument } from '../support/delete-document.ts';
import { startPair } from '../support/pair.ts';
import { type PairState, tokenType } from '../support/pair-state.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startUpstream } from '../support/upstream.ts';

t.test(
  'an SDK fetches a token and calls with it; the marketplace sees the call alone',
  async (t) => {
    const upstream = await startUpstream(t);
    const pair = await startPair(t, {
      upstream: upstream.url,
      prepare: async ({ admin }: PairState) => {
        const policy = await readDocument(admin, 'type', tokenType);
        const tokenEndpoints = [`${upstream.url}/oauth/token`, 'https://login.example/token'];
        await putType(admin, tokenType, { ...policy, tokenEndpoints });
      },
    });
    const base = `${pair.secureproxy.origin}/forward/shop-1/${tokenType}`;
    const ask = (path: string, body = 'grant_type=client_credentials') =>
      fetch(base + path, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`id:${pair.appKey}`)}` },
        body: new URLSearchParams(body),
      });

    for (const path of ['/oauth/token', '/~login.example/token']) {
      const answer = await ask(path);
      t.strictSame(
        [answer.status, answer.headers.get('cache-control'), await answer.json()],
        [200, 'no-store', { access_token: pair.appKey, token_type: 'bearer', expires_in: 3600 }],
      );
    }
    for (const path of ['/oauth/token/', '/oauth/%74oken', '/OAUTH/token']) {
      t.equal((await ask(path)).status, 403, path);
    }
    const refused = await ask('/oauth/token', 'grant_type=authorization_code&code=x');
    t.match([refused.status, await refused.json()], [400, { error: 'unsupported_grant_type' }]);
    t.equal(upstream.requests.length, 0);

    const called = await fetch(`${base}/v1/orders`, {
      headers: { authorization: `Bearer ${pair.appKey}` },
    });
    await called.text();
    t.equal(upstream.requests.length, 1);
    const lines = await pollUntil(
      'the lines of the answers',
      () => pair.secureproxy.output.linesWith({ token_request: 'client_credentials' }),
      ({ length }) => length === 2,
    );
    t.match(lines, [{ app: 'orders', client: 'shop-1', token_type: tokenType }, {}]);

    await deleteDocument(pair.admin, 'app', 'orders');
    await pollUntil(
      'the end of the app',
      async () => (await ask('/oauth/token')).status,
      (status) => status === 401,
    );
  },
);

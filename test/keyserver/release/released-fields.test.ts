import t from 'tap';
import type { Injection } from '../../../shared/policy/injection/schema.ts';
import { startScene, wanted } from '../scene.ts';

/** A secret with more than any type injects. */
const fields = {
  token: 'access-token',
  refreshToken: 'never-on-a-request',
  user: 'shop',
  password: 'word',
  clientId: '7',
  __proto: 'odd name',
};

const schemes: readonly (readonly [Injection, readonly string[]])[] = [
  [{ scheme: 'headers', headers: { Authorization: 'Bearer {token}' } }, ['token']],
  [
    { scheme: 'headers', headers: { 'Client-Id': '{clientId}', 'Api-Key': '{token}{token}' } },
    ['clientId', 'token'],
  ],
  [{ scheme: 'query', query: { key: 'x{token}', user: '{user}' } }, ['token', 'user']],
  [{ scheme: 'basic', username: '{user}', password: '{password}' }, ['password', 'user']],
  [{ scheme: 'basic', username: 'fixed', password: '{password}' }, ['password']],
  [{ scheme: 'headers', headers: { 'X-Constant': 'no secret' } }, []],
  // Inherited members of an object are no fields.
  [{ scheme: 'headers', headers: { 'X-Key': '{constructor}{token}' } }, ['token']],
];

t.test('a release has the fields that the type injects, and no others', async (t) => {
  const { ask, keyserver } = await startScene(t);
  const { clientId, tokenType } = wanted;
  await keyserver.putToken(clientId, tokenType, fields);
  const direct = await keyserver.putApp('direct', { direct: true });
  for (const [injection, names] of schemes) {
    await keyserver.putType(tokenType, { injection, publicFields: ['clientId', 'refreshToken'] });
    for (const differently of [{}, { credential: { proxy: null, app: direct } }]) {
      const { release } = await ask(differently);
      t.same(Object.keys(release.fields ?? {}).sort(), names, JSON.stringify(injection));
      for (const [name, value] of Object.entries(release.fields ?? {})) {
        t.equal(value, Object(fields)[name]);
      }
    }
  }
});

t.test('a token without an injected field is released as far as it goes', async (t) => {
  const { ask, keyserver } = await startScene(t);
  await keyserver.putToken(wanted.clientId, wanted.tokenType, { other: 'x' });
  const { status, release } = await ask();
  t.equal(status, 200);
  t.same(release.fields, {}, 'the proxy says which field is missing');
});

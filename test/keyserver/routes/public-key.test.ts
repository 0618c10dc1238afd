import { createPublicKey } from 'node:crypto';
import { request } from 'node:http';
import t from 'tap';
import { publicKeyId } from '../../../shared/crypto/rsa-oaep.ts';
import { postJson } from '../../support/exchange-client.ts';
import { startKeyserver } from '../../support/keyserver.ts';

t.test('is the same by POST and by GET', async (t) => {
  const { url, rsaKeys } = await startKeyserver(t);
  const [get, post] = await Promise.all([
    fetch(`${url}/public_key`),
    fetch(`${url}/public_key`, { method: 'POST' }),
  ]);
  for (const response of [get, post]) {
    t.equal(response.status, 200);
    t.equal(response.headers.get('cache-control'), 'public, max-age=60');
    const answer = (await response.json()) as Record<string, string>;
    const { public_key: pem = '', keyId, algorithm, ...rest } = answer;
    t.same(rest, {});
    t.equal(pem, rsaKeys.primary.publicKeyPem);
    t.equal(keyId, publicKeyId(createPublicKey(pem)));
    t.equal(algorithm, 'RSA-OAEP-256');
    t.equal(response.headers.get('etag'), `"${keyId}"`);
    t.notMatch(pem, 'PRIVATE');
  }
});

t.test('is unchanged for who has it', async (t) => {
  const { url, rsaKeys } = await startKeyserver(t);
  const etag = `"${rsaKeys.primary.keyId}"`;
  const status = async (tag: string) =>
    (await fetch(`${url}/public_key`, { headers: { 'if-none-match': tag } })).status;
  for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*'])
    t.equal(await status(tag), 304, tag);
  for (const tag of ['"other"', rsaKeys.primary.keyId, '""']) t.equal(await status(tag), 200, tag);
  const { status: posted } = await fetch(`${url}/public_key`, {
    method: 'POST',
    headers: { 'if-none-match': etag },
  });
  t.equal(posted, 200);
});

t.test('is given to a POST with an empty body of any length header, or JSON', async (t) => {
  const { url } = await startKeyserver(t);
  t.equal((await postJson(`${url}/public_key`, {})).status, 200);
  const status = await new Promise((resolve, reject) => {
    request(
      `${url}/public_key`,
      { method: 'POST', headers: { 'content-length': 0 } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    )
      .on('error', reject)
      .end();
  });
  t.equal(status, 200);
});

t.test('needs no database', async (t) => {
  const { url, store } = await startKeyserver(t);
  await store.close();
  t.equal((await fetch(`${url}/public_key`)).status, 200);
});

import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { PublicKeys } from '../../../secureproxy/keyserver-client/public-keys.ts';
import { publicKeyId } from '../../../shared/crypto/rsa-oaep.ts';
import type { PublicKeyAnswer } from '../../../shared/protocol/messages.ts';

function newAnswer(): PublicKeyAnswer {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const keyId = publicKeyId(createPublicKey(pem));
  return { public_key: pem, keyId, algorithm: 'RSA-OAEP-256' };
}

function counted(...answers: readonly (PublicKeyAnswer | Error)[]) {
  let calls = 0;
  const fetch = async () => {
    const answer = answers[Math.min(calls, answers.length - 1)];
    calls += 1;
    if (answer === undefined || answer instanceof Error) throw answer;
    return answer;
  };
  return { fetch, calls: () => calls };
}

const [first, second] = [newAnswer(), newAnswer()];

t.test('fetches once for all that ask, until the key is dropped', async (t) => {
  const { fetch, calls } = counted(first, second);
  const keys = new PublicKeys(fetch, new Set());
  const [one, two] = await Promise.all([keys.get(), keys.get()]);
  t.equal(one, two);
  t.equal(one.keyId, first.keyId);
  t.equal(await keys.get(), one);
  t.equal(calls(), 1);
  t.ok(keys.drop(one));
  t.equal((await keys.get()).keyId, second.keyId);
  t.equal(calls(), 2);
});

t.test('a key is dropped once, and not the one that came after it', async (t) => {
  const { fetch, calls } = counted(first, second);
  const keys = new PublicKeys(fetch, new Set());
  const old = await keys.get();
  t.ok(keys.drop(old));
  const next = keys.get();
  t.notOk(keys.drop(old), 'while the next one is on its way');
  t.equal(await keys.get(), await next);
  t.notOk(keys.drop(old), 'once it is there');
  t.equal(await keys.get(), await next);
  t.equal(calls(), 2);
});

t.test('a fetch that failed is tried again', async (t) => {
  const { fetch } = counted(new Error('away'), first);
  const keys = new PublicKeys(fetch, new Set());
  await t.rejects(keys.get(), { message: 'away' });
  t.equal((await keys.get()).keyId, first.keyId);
});

t.test(
  'takes pinned keys only, by what they are and not by what they are said to be',
  async (t) => {
    const pins = new Set([first.keyId]);
    const lying = { ...second, keyId: first.keyId };
    const keys = new PublicKeys(counted(lying, second, first).fetch, pins);
    for (let i = 0; i < 2; i++) {
      await t.rejects(keys.get(), {
        code: 'keyserver_unavailable',
        options: { reason: 'public_key_not_pinned' },
      });
    }
    t.equal((await keys.get()).keyId, first.keyId);
  },
);

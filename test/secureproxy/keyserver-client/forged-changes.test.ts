import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import t, { type Test } from 'tap';
import { importKey } from '../../../shared/crypto/aead.ts';
import { changesResponseAad, responseAad, sealText } from '../../../shared/crypto/exchange.ts';
import { createUnwrapper, publicKeyId } from '../../../shared/crypto/rsa-oaep.ts';
import { startProxy } from '../../support/proxy.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const unwrap = await createUnwrapper(privateKey);
const published = {
  public_key: pem,
  keyId: publicKeyId(createPublicKey(pem)),
  algorithm: 'RSA-OAEP-256',
};

interface Asked {
  readonly nonce: string;
  /** Seals for the asker's session, by default as the answer to this question. */
  seal(content: unknown, aad?: Uint8Array): string;
}
type Forgery = (asked: Asked) => readonly [status: number, body: unknown];

/** A server in KeyServer's place that can open sessions, and answers `/changes` as it likes. */
async function setUp(t: Test) {
  const keyserver = await startUpstream(t);
  let forge: Forgery = ({ seal }) => [200, { token: seal(good) }];
  keyserver.script(async (socket, { target, body }) => {
    const send = (status: number, content: unknown) =>
      void socket.write(
        answer(status, typeof content === 'string' ? content : JSON.stringify(content)),
      );
    if (target === '/public_key') {
      send(200, published);
      return;
    }
    t.equal(target, '/changes');
    const { sessionKey, nonce } = JSON.parse(body.toString());
    const key = importKey(await unwrap(Buffer.from(sessionKey, 'base64')));
    const seal: Asked['seal'] = (content, aad = changesResponseAad({ nonce })) =>
      sealText(key, typeof content === 'string' ? content : JSON.stringify(content), aad);
    send(...forge({ nonce, seal }));
  });
  const proxy = await startProxy(t, {
    keyserverUrl: keyserver.url.replace('localhost', '127.0.0.1'),
  });
  return {
    proxy,
    answerWith: (next: Forgery) => {
      forge = next;
    },
  };
}

const good = { seq: 7, changes: [], ageMs: 0 };
const flipped = (text: string) => {
  const bytes = Buffer.from(text, 'base64');
  bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
  return bytes.toString('base64');
};

t.test(
  'an answer that is right is a lease, so that those below are refused for their fault',
  async (t) => {
    const { proxy } = await setUp(t);
    await proxy.feed.ask();
    t.ok(proxy.known.isLeased);
    t.equal(proxy.known.seq, 7);
  },
);

const forgeries: Readonly<Record<string, readonly [reason: string, Forgery]>> = {
  'is not sealed': ['answer_refused', () => [200, good]],
  'is plain text in place of what is sealed': [
    'answer_refused',
    () => [200, { token: JSON.stringify(good) }],
  ],
  'was changed in one bit': ['answer_refused', ({ seal }) => [200, { token: flipped(seal(good)) }]],
  'has a shortened tag': [
    'answer_refused',
    ({ seal }) => [
      200,
      { token: Buffer.from(seal(good), 'base64').subarray(0, -4).toString('base64') },
    ],
  ],
  'answers another question': [
    'answer_refused',
    ({ seal }) => [200, { token: seal(good, changesResponseAad({ nonce: 'n'.repeat(16) })) }],
  ],
  'was sealed as a release': [
    'answer_refused',
    ({ seal, nonce }) => [
      200,
      { token: seal(good, responseAad({ clientId: '', tokenType: '', nonce })) },
    ],
  ],
  'has no JSON within': ['answer_refused', ({ seal }) => [200, { token: seal('{') }]],
  'has no seq': ['changes_unknown', ({ seal }) => [200, { token: seal({ ...good, seq: null }) }]],
  'has a seq that is no number of changes': [
    'changes_unknown',
    ({ seal }) => [200, { token: seal({ ...good, seq: -1 }) }],
  ],
  'is from the future': [
    'changes_unknown',
    ({ seal }) => [200, { token: seal({ ...good, ageMs: -60_000 }) }],
  ],
  'does not say how old it is': [
    'changes_unknown',
    ({ seal }) => [200, { token: seal({ ...good, ageMs: undefined }) }],
  ],
  'has no list of changes': [
    'changes_unknown',
    ({ seal }) => [200, { token: seal({ ...good, changes: {} }) }],
  ],
  'is a redirect': ['keyserver_answer', () => [302, {}]],
  'is an error': ['internal', () => [500, { code: 'internal', requestId: 'x' }]],
};

for (const [what, [reason, forge]] of Object.entries(forgeries)) {
  t.test(`an answer that ${what} is no lease, and changes nothing`, async (t) => {
    const { proxy, answerWith } = await setUp(t);
    answerWith(forge);
    const { epoch } = proxy.known;
    await proxy.feed.ask();
    t.notOk(proxy.known.isLeased);
    t.equal(proxy.known.epoch, epoch);
    t.equal(proxy.known.seq, 0);
    t.match(
      proxy.log().filter(({ level }) => level === 'warn'),
      [{ msg: 'change feed cut', 'error.reason': reason }],
    );
  });
}

t.test('an answer that was given before is none', async (t) => {
  const { proxy, answerWith } = await setUp(t);
  let earlier: string | undefined;
  answerWith(({ seal }) => {
    earlier ??= seal(good);
    return [200, { token: earlier }];
  });
  await proxy.feed.ask();
  t.ok(proxy.known.isLeased);
  proxy.known.revoke();
  await proxy.feed.ask();
  t.notOk(proxy.known.isLeased);
});

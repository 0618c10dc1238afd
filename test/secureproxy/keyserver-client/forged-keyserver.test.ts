import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import t, { type Test } from 'tap';
import { fromKeyserver } from '../../../secureproxy/keyserver-client/errors.ts';
import { importKey } from '../../../shared/crypto/aead.ts';
import { responseAad, sealText } from '../../../shared/crypto/exchange.ts';
import { createUnwrapper, publicKeyId } from '../../../shared/crypto/rsa-oaep.ts';
import { type ErrorCode, errorTable } from '../../../shared/errors.ts';
import type { ReleaseRequest } from '../../../shared/protocol/messages.ts';
import { releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const unwrap = await createUnwrapper(privateKey);
const published = {
  public_key: pem,
  keyId: publicKeyId(createPublicKey(pem)),
  algorithm: 'RSA-OAEP-256',
};

interface Forgery {
  /** The answer of `/public_key`. */
  readonly publicKey?: unknown;
  /** The answer of `POST /`, status and body, for the session key that the proxy wrapped. */
  readonly release?: (
    request: ReleaseRequest,
    seal: (content: unknown, context?: object) => string,
  ) => readonly [status: number, body: unknown];
}

/** A server in KeyServer's place that can open sessions, and answers as it likes. */
async function setUp(t: Test, { publicKey: key = published, release }: Forgery) {
  const upstream = await startUpstream(t);
  const keyserver = await startUpstream(t);
  keyserver.script(async (socket, { target, body }) => {
    const send = (status: number, content: unknown) =>
      void socket.write(
        answer(status, typeof content === 'string' ? content : JSON.stringify(content)),
      );
    if (target === '/public_key') {
      send(200, key);
      return;
    }
    // As a KeyServer of an earlier version, so that the release is what is forged.
    if (target !== '/') {
      send(404, { code: 'route_not_found' });
      return;
    }
    const request = JSON.parse(body.toString()) as ReleaseRequest;
    const raw = await unwrap(Buffer.from(request.sessionKey ?? '', 'base64'));
    const seal = (content: unknown, context: object = {}) =>
      sealText(
        importKey(raw),
        typeof content === 'string' ? content : JSON.stringify(content),
        responseAad({ ...request, ...context }),
      );
    const [status, content] = release?.(request, seal) ?? [
      200,
      { token: seal(releaseOf({ destinations: [upstream.url] })) },
    ];
    send(status, content);
  });
  const proxy = await startProxy(t, {
    keyserverUrl: keyserver.url.replace('localhost', '127.0.0.1'),
    settings: { TOKEN_CACHE_SECONDS: '0', KEYSERVER_TIMEOUT_MS: '1500' },
  });
  const call = () =>
    proxy.call(
      { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` },
      { headers: ['x-key', someAppKey] },
    );
  return { upstream, keyserver, proxy, call, origin: upstream.url };
}

t.test(
  'an answer that is right is taken, so that those below are refused for their fault',
  async (t) => {
    const { upstream, keyserver, call } = await setUp(t, {});
    t.equal((await call()).status, 200);
    t.strictSame(upstream.only().all('authorization'), ['Bearer fixture-token']);
    const wire = keyserver.requests.map(({ head, body }) => head + body).join();
    t.notOk(wire.includes(someAppKey), 'the app key is sealed');
  },
);

const good = releaseOf({ destinations: ['http://localhost'] });
let earlier: string | undefined;

const forgeries: Readonly<Record<string, readonly [reason: string, Forgery['release']]>> = {
  'is not sealed': ['answer_refused', () => [200, { token: JSON.stringify(good) }]],
  'is plain JSON': ['answer_refused', () => [200, good]],
  'is no object': ['answer_refused', () => [200, '"text"']],
  'is no JSON': ['answer_refused', () => [200, '<html>']],
  'is sealed for another client': [
    'answer_refused',
    (_, seal) => [200, { token: seal(good, { clientId: 'other' }) }],
  ],
  'is sealed for another type': [
    'answer_refused',
    (_, seal) => [200, { token: seal(good, { tokenType: 'other' }) }],
  ],
  'is sealed for another nonce': [
    'answer_refused',
    (_, seal) => [200, { token: seal(good, { nonce: '' }) }],
  ],
  'was changed in one bit': [
    'answer_refused',
    (_, seal) => {
      const bytes = Buffer.from(seal(good), 'base64');
      bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
      return [200, { token: bytes.toString('base64') }];
    },
  ],
  'has a shortened tag': [
    'answer_refused',
    (_, seal) => {
      const bytes = Buffer.from(seal(good), 'base64');
      return [200, { token: bytes.subarray(0, -4).toString('base64') }];
    },
  ],
  'has no JSON within': ['answer_refused', (_, seal) => [200, { token: seal('fixture-token') }]],
  'has a policy member that this proxy does not know': [
    'release_unknown',
    (_, seal) => [200, { token: seal({ ...good, policy: { ...good.policy, later: true } }) }],
  ],
  'has a grant member that this proxy does not know': [
    'release_unknown',
    (_, seal) => [200, { token: seal({ ...good, grants: [{ ...good.grants[0], later: 1 }] }) }],
  ],
  'has an injection that this proxy does not know': [
    'release_unknown',
    (_, seal) => [
      200,
      { token: seal({ ...good, policy: { ...good.policy, injection: { scheme: 'oauth2' } } }) },
    ],
  ],
  'has no policy': ['release_unknown', (_, seal) => [200, { token: seal({ fields: {} }) }]],
  'is an error without a code': ['keyserver_answer', () => [500, {}]],
  'is an error with a code of its own': ['keyserver_answer', () => [400, { code: 'constructor' }]],
  'is a redirect': ['keyserver_answer', () => [302, {}]],
  'says that no session opens, again and again': [
    'session_invalid',
    () => [400, { code: 'session_invalid' }],
  ],
};

for (const [what, [reason, release]] of Object.entries(forgeries)) {
  t.test(`refuses an answer that ${what}`, async (t) => {
    const { upstream, proxy, call } = await setUp(t, { ...(release ? { release } : {}) });
    const given = await call();
    t.match(given, { status: 503, problem: { code: 'keyserver_unavailable', reason } });
    t.equal(upstream.connections(), 0);
    t.notMatch(given.text + proxy.logText(), 'fixture-token');
    t.ok(proxy.log().some((line) => line.level === 'error' && line['error.reason'] === reason));
  });
}

t.test('refuses an answer to an earlier request', async (t) => {
  const { call } = await setUp(t, {
    release: (_, seal) => {
      earlier ??= seal(good);
      return [200, { token: earlier }];
    },
  });
  t.equal((await call()).status, 403, 'the first is taken, and judged');
  t.match(await call(), { status: 503, problem: { reason: 'answer_refused' } });
});

t.test('asks twice at most if no session opens', async (t) => {
  const { keyserver, call } = await setUp(t, {
    release: () => [400, { code: 'session_invalid' }],
  });
  await call();
  t.equal(keyserver.requests.filter(({ target }) => target === '/').length, 2);
  t.equal(keyserver.requests.filter(({ target }) => target === '/public_key').length, 2);
});

t.test('judges releases itself, whatever KeyServer released', async (t) => {
  const { upstream, call } = await setUp(t, {
    release: (_, seal) => [200, { token: seal(releaseOf({ destinations: [] })) }],
  });
  t.match(await call(), { status: 403, problem: { code: 'destination_denied' } });
  t.equal(upstream.connections(), 0);
});

const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const spki = (key: typeof ec) => key.export({ type: 'spki', format: 'pem' }).toString();

for (const [what, reason, publicKey] of [
  ['no key', 'public_key', {}],
  ['something else', 'public_key', '<html>'],
  ['another algorithm', 'public_key', { ...published, algorithm: 'RSA-OAEP' }],
  ['no PEM', 'public_key_unusable', { ...published, public_key: 'text' }],
  ['a small key', 'public_key_unusable', { ...published, public_key: spki(small) }],
  ['a key that is not RSA', 'public_key_unusable', { ...published, public_key: spki(ec) }],
] as const) {
  t.test(`rejects the public key if ${what} is published`, async (t) => {
    const { keyserver, proxy, call } = await setUp(t, { publicKey });
    t.match(await call(), { status: 503, problem: { code: 'keyserver_unavailable', reason } });
    t.notOk(keyserver.requests.some(({ target }) => target === '/'));
    t.notOk(proxy.client.acceptance.hasAccepted);
  });
}

t.test('computes the key id instead of trusting the answer', async (t) => {
  const { keyserver, call } = await setUp(t, { publicKey: { ...published, keyId: 'claimed' } });
  t.equal((await call()).status, 200);
  const [request] = keyserver.requests.filter(({ target }) => target === '/');
  t.match(JSON.parse(String(request?.body)), { keyId: published.keyId });
});

t.test('every code of KeyServer means one thing to callers', (t) => {
  const meant: Partial<Record<ErrorCode, readonly [code: ErrorCode, status: number]>> = {
    token_not_found: ['token_not_found', 424],
    type_not_found: ['type_not_found', 424],
    token_expired: ['token_expired', 424],
    caller_unauthenticated: ['caller_unauthenticated', 401],
    session_invalid: ['session_invalid', 400],
    request_invalid: ['request_invalid', 400],
    grant_denied: ['grant_denied', 403],
    destination_denied: ['destination_denied', 403],
    integrity_failed: ['integrity_failed', 500],
    overloaded: ['overloaded', 503],
  };
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const error = fromKeyserver({ code, reason: 'some_reason', detail: 'Some detail.' });
    t.strictSame([error.code, error.status], meant[code] ?? ['keyserver_unavailable', 503], code);
    if (meant[code]) t.match(error.options, { reason: 'some_reason', detail: 'Some detail.' });
  }
  for (const body of [undefined, null, 'text', [], { code: 1 }, { code: 'toString' }]) {
    t.match(fromKeyserver(body), { code: 'keyserver_unavailable' });
  }
  t.end();
});

t.test('a reason that no header can have, or is none, is not told', async (t) => {
  const { call } = await setUp(t, {
    release: () => [403, { code: 'grant_denied', reason: 'no\r\ngrant' }],
  });
  const { status, problem, all } = await call();
  t.match({ status, problem }, { status: 403, problem: { code: 'grant_denied' } });
  t.equal(problem.reason, undefined);
  t.strictSame(all('x-secureproxy-reason'), []);
});

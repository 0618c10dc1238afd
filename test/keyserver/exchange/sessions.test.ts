import { constants, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Sessions } from '../../../keyserver/exchange/sessions.ts';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { loadRsaKeys } from '../../../keyserver/keys/rsa-keys.ts';
import { importKey } from '../../../shared/crypto/aead.ts';
import { requestAad, responseAad, sealText } from '../../../shared/crypto/exchange.ts';
import { coresForUnwraps } from '../../../shared/crypto/rsa-oaep.ts';
import { makeTicket } from '../../../shared/crypto/ticket.ts';
import type { ReleaseRequest } from '../../../shared/protocol/messages.ts';
import { testClock } from '../../support/clock.ts';
import {
  type Ask,
  type ClientSession,
  newNonce,
  newSession,
  postJson,
  releaseRequest,
  ticketSession,
} from '../../support/exchange-client.ts';
import { rsaPem, writeKeyFolder, writeKeyring } from '../../support/key-folders.ts';
import { scratchStore } from '../../support/keyserver.ts';
import { cut, flip, visible, wrappedBy } from '../../support/tampering.ts';
import { stillTimers } from '../../support/timers.ts';
import { countReads, refusal, type Scene, startScene, wanted } from '../scene.ts';

/** Posts requests with one fault each; all answers must be the one `session_invalid`. */
async function allAlike(
  t: Test,
  scene: Scene,
  faults: Readonly<Record<string, ReleaseRequest | string>>,
) {
  const { url } = scene.keyserver;
  const reference = await postJson(url, { ...wanted, sessionKey: 'AAAA' });
  t.match(JSON.parse(reference.text), {
    type: '/errors/session_invalid',
    title: 'The session cannot be opened',
    status: 400,
    code: 'session_invalid',
    requestId: String,
  });
  t.notMatch(reference.text, /"(?:detail|reason)"/);
  for (const [title, request] of Object.entries(faults)) {
    t.same(visible(await postJson(url, request)), visible(reference), title);
  }
}

/** One request by a session of the scene's proxy, as it would be answered. */
function asked(scene: Scene, session: ClientSession, differently: Partial<Ask> = {}) {
  const { credential, keyserver } = scene;
  return releaseRequest(session, { ...wanted, credential, ...differently }, keyserver.clock);
}

t.test('every fault of a session key is the same answer', async (t) => {
  const { store, reads } = await countedStore(t);
  const scene = await startScene(t, { store });
  await scene.keyserver.putApp('anonymous', { key: null, direct: true });
  const { publicKeyPem, keyId } = scene.keyserver.rsaKeys.primary;
  const good = newSession(publicKeyPem);
  const sessionKey = 'sessionKey' in good.named ? good.named.sessionKey : '';
  const request = asked(scene, good);
  const bytes = Buffer.from(sessionKey, 'base64');
  await allAlike(t, scene, {
    'padding of PKCS#1 v1.5': asked(
      scene,
      wrappedBy(publicKeyPem, { padding: constants.RSA_PKCS1_PADDING }),
    ),
    'SHA-1': asked(scene, wrappedBy(publicKeyPem, { oaepHash: 'sha1' })),
    'SHA-512': asked(scene, wrappedBy(publicKeyPem, { oaepHash: 'sha512' })),
    'a label': asked(scene, wrappedBy(publicKeyPem, { oaepLabel: Buffer.from('x') })),
    'no byte': asked(scene, wrappedBy(publicKeyPem, {}, 0)),
    '31 bytes': asked(scene, wrappedBy(publicKeyPem, {}, 31)),
    '33 bytes': asked(scene, wrappedBy(publicKeyPem, {}, 33)),
    '16 bytes': asked(scene, wrappedBy(publicKeyPem, {}, 16)),
    'another public key': asked(scene, newSession((await otherRsa(t)).primary.publicKeyPem)),
    'a flipped bit': { ...request, sessionKey: flip(sessionKey, 100) },
    'a byte too few': { ...request, sessionKey: cut(sessionKey, 1) },
    'a byte too many': {
      ...request,
      sessionKey: Buffer.concat([bytes, Buffer.of(0)]).toString('base64'),
    },
    'a leading zero too many': {
      ...request,
      sessionKey: Buffer.concat([Buffer.of(0), bytes]).toString('base64'),
    },
    zeros: { ...request, sessionKey: Buffer.alloc(256).toString('base64') },
    'all ones': { ...request, sessionKey: Buffer.alloc(256, 255).toString('base64') },
    nothing: { ...request, sessionKey: '' },
    'a line break in base64': { ...request, sessionKey: `${sessionKey}\n` },
    'no padding': { ...request, sessionKey: sessionKey.replace(/=+$/, '') },
    base64url: { ...request, sessionKey: bytes.toString('base64url') },
    hex: { ...request, sessionKey: bytes.toString('hex') },
    'an unknown key id': { ...request, keyId: 'x'.repeat(43) },
    'an empty key id': { ...request, keyId: '' },
    'a key id that is a member of objects': { ...request, keyId: '__proto__' },
    'a key id cut short': { ...request, keyId: keyId.slice(0, -1) },
    'no credential either': { ...wanted, sessionKey: flip(sessionKey, 0) },
    'the file name for a key id': { ...wanted, sessionKey, keyId: 'r1' },
  });
  t.equal(reads(), 0, 'no token was read');
  t.equal((await postJson(scene.keyserver.url, request)).status, 200, 'and none was the request');
});

t.test('every fault of a ticket is the same answer', async (t) => {
  const clock = testClock();
  const { store, reads } = await countedStore(t);
  const scene = await startScene(t, { clock, store });
  const session = ticketSession(await scene.ask());
  const ticket = 'session' in session.named ? session.named.session : '';
  const by = (text: string) => asked(scene, { key: session.key, named: { session: text } });
  const made = (kid: string, keyring: typeof scene.keyserver.keyring, expiresAt: number) =>
    makeTicket(kid, keyring.primary('tickets'), { sessionKey: rawKey, expiresAt });
  const rawKey = randomBytes(32);
  const { sessionKey: wrappedKey = '' } = asked(
    scene,
    newSession(scene.keyserver.rsaKeys.primary.publicKeyPem),
  );
  const mine = { key: importKey(rawKey), named: { session: '' } };
  const later = Math.floor(clock.now() / 1000) + 100;
  const { keyring } = scene.keyserver;
  const stranger = loadKeyring(writeKeyring(join(t.testdir({}), 'ring')));
  const forged = (bytes: Buffer) =>
    asked(scene, { ...mine, named: { session: bytes.toString('base64') } });
  const flips = Object.fromEntries(
    [0, 1, 2, 3, 14, 15, 40, 54, 55, -17, -16, -1].map((at) => [
      `a flipped bit at ${at}`,
      by(flip(ticket, at)),
    ]),
  );
  const before = reads();
  await allAlike(t, scene, {
    ...flips,
    'a byte cut off': by(cut(ticket, 1)),
    'a tag of 12 bytes': by(cut(ticket, 4)),
    'half of it': by(cut(ticket, 40)),
    'a byte too many': by(
      Buffer.concat([Buffer.from(ticket, 'base64'), Buffer.of(0)]).toString('base64'),
    ),
    nothing: by(''),
    'one byte': by('AA=='),
    'a kid without more': by(Buffer.from('\u0002k1').toString('base64')),
    'a kid longer than the ticket': by(Buffer.from('\u00ffk1').toString('base64')),
    'no base64': by('***'),
    'another keyring under our kid': forged(made('k1', stranger, later)),
    'another kid': forged(made('k2', stranger, later)),
    'a kid of objects': forged(made('__proto__', stranger, later)),
    'made by the key of rows': forged(
      makeTicket('k1', keyring.primary('rows'), { sessionKey: rawKey, expiresAt: later }),
    ),
    'long past': forged(made('k1', keyring, 1)),
    'a wrapped key': by(wrappedKey),
    'past since now': forged(made('k1', keyring, Math.floor(clock.now() / 1000))),
  });
  t.equal(reads(), before, 'no token was read');
  t.equal((await postJson(scene.keyserver.url, by(ticket))).status, 200);
});

t.test('a ticket ends after ten minutes', async (t) => {
  const clock = testClock();
  const scene = await startScene(t, { clock });
  const session = ticketSession(await scene.ask());
  clock.advance(599_999);
  t.equal((await scene.ask({}, session)).status, 200);
  clock.advance(1);
  t.same(refusal(await scene.ask({}, session)), { status: 400, code: 'session_invalid' });
});

t.test('every fault of a credential is the same answer', async (t) => {
  const { store, reads } = await countedStore(t);
  const scene = await startScene(t, { store });
  const { publicKeyPem } = scene.keyserver.rsaKeys.primary;
  const session = newSession(publicKeyPem);
  const request = asked(scene, session);
  const { credential = '', timestamp = 0 } = request;
  const flips = Object.fromEntries(
    [0, 11, 12, 13, 40, -29, -17, -16, -8, -1].map((at) => [
      `a flipped bit at ${at}`,
      { ...request, credential: flip(credential, at) },
    ]),
  );
  const bytes = Buffer.from(credential, 'base64');
  const having = (...parts: Buffer[]) => ({
    ...request,
    credential: Buffer.concat(parts).toString('base64'),
  });
  const other = Buffer.from(asked(scene, session).credential ?? '', 'base64');
  const text = JSON.stringify(scene.credential);
  const { nonce = '' } = request;
  const bound = { ...wanted, timestamp, nonce };
  const tags = Object.fromEntries(
    [15, 12, 8, 4, 0].map((length) => [
      `a tag of ${length} bytes`,
      { ...request, credential: cut(credential, 16 - length) },
    ]),
  );
  await allAlike(t, scene, {
    ...flips,
    ...tags,
    'a tag of zeros': having(bytes.subarray(0, -16), Buffer.alloc(16)),
    // Node opens a tag of 4 bytes unless it is told a length.
    'an iv and a tag of 4 bytes alone': having(Buffer.alloc(16)),
    'the iv of another': having(other.subarray(0, 12), bytes.subarray(12)),
    'a byte too many': having(bytes, Buffer.of(0)),
    'a line break in base64': { ...request, credential: `${credential}\n` },
    'a key of zeros': {
      ...request,
      credential: sealText(importKey(Buffer.alloc(32)), text, requestAad(bound)),
    },
    'sealed as an answer': {
      ...request,
      credential: sealText(session.key, text, responseAad(bound)),
    },
    'another client after the right one': JSON.stringify(request).replace(
      /\}$/,
      ',"clientId":"shop-2"}',
    ),
    nothing: { ...request, credential: '' },
    'one byte': { ...request, credential: 'AA==' },
    'no base64': { ...request, credential: '{}' },
    'the credential in the clear': {
      ...request,
      credential: Buffer.from(JSON.stringify(scene.credential)).toString('base64'),
    },
    'another client': { ...request, clientId: 'shop-2' },
    'another type': { ...request, tokenType: 'wildberries' },
    'client and type exchanged': {
      ...request,
      clientId: wanted.tokenType,
      tokenType: wanted.clientId,
    },
    'a letter moved from client to type': {
      ...request,
      clientId: 'shop-',
      tokenType: '1ozon-seller',
    },
    'another nonce': { ...request, nonce: newNonce() },
    'another timestamp': { ...request, timestamp: timestamp + 1 },
    'another session': { ...request, ...newSession(publicKeyPem).named },
    'the credential of another request': {
      ...request,
      credential: asked(scene, session).credential ?? '',
    },
  });
  t.equal(reads(), 0, 'no token was read');
  t.equal((await postJson(scene.keyserver.url, request)).status, 200);
});

t.test('a session is told from a malformed request by shape alone', async (t) => {
  const scene = await startScene(t);
  const session = newSession(scene.keyserver.rsaKeys.primary.publicKeyPem);
  const request = asked(scene, session);
  const { sessionKey, timestamp, nonce, credential, ...names } = request;
  const ticket = { ...request, session: 'AAAA', sessionKey: undefined };
  const cases: [string, object, string][] = [
    ['neither sessionKey nor session', { ...names }, 'session'],
    ['both', { ...request, session: 'AAAA' }, 'session'],
    ['a timestamp alone', { ...names, sessionKey, timestamp }, 'freshness'],
    ['a nonce alone', { ...names, sessionKey, nonce }, 'freshness'],
    ['a credential without nonce', { ...names, sessionKey, credential }, 'freshness'],
    ['a ticket without nonce', { ...ticket, nonce: undefined, timestamp: undefined }, 'freshness'],
    ['a ticket without credential', { ...ticket, credential: undefined }, 'credential'],
  ];
  for (const [title, body, reason] of cases) {
    const { status, text } = await postJson(scene.keyserver.url, body);
    const { code, reason: actual } = JSON.parse(text);
    t.same(
      { status, code, actual },
      { status: 400, code: 'request_invalid', actual: reason },
      title,
    );
  }
});

t.test('an older RSA key still unwraps where its id is named', async (t) => {
  const folder = join(t.testdir({}), 'rsa');
  const files = { 'old.pem': rsaPem(), 'new.pem': rsaPem() };
  const before = await loadRsaKeys(writeKeyFolder(folder, files, 'old'));
  const rsaKeys = await loadRsaKeys(writeKeyFolder(folder, {}, 'new'));
  const scene = await startScene(t, { settings: { RSA_KEY_DIR: folder } });
  const { keyId, publicKeyPem } = before.primary;
  t.not(keyId, rsaKeys.primary.keyId);
  const named = await scene.ask({ keyId }, newSession(publicKeyPem));
  t.equal(named.status, 200);
  t.same(refusal(await scene.ask({}, newSession(publicKeyPem))), {
    status: 400,
    code: 'session_invalid',
  });
  t.equal((await scene.ask({ keyId: rsaKeys.primary.keyId })).status, 200);
  t.same(refusal(await scene.ask({ keyId })), { status: 400, code: 'session_invalid' });
  t.equal((await scene.ask({ keyId: 'of no effect' }, ticketSession(named))).status, 200);
});

t.test('without an id the key before the primary one unwraps, too, and no other', async (t) => {
  const folder = join(t.testdir({}), 'rsa');
  const files = {
    '2025.pem': rsaPem(),
    '2026.pem': rsaPem(),
    '2027.pem': rsaPem(),
    '2028.pem': rsaPem(),
  };
  const pemOf = async (name: string) =>
    (await loadRsaKeys(writeKeyFolder(folder, files, name))).primary.publicKeyPem;
  const pems = [await pemOf('2025'), await pemOf('2026'), await pemOf('2028'), await pemOf('2027')];
  const scene = await startScene(t, { settings: { RSA_KEY_DIR: folder } });
  const statuses: number[] = [];
  for (const pem of pems) statuses.push((await scene.ask({}, newSession(pem))).status);
  t.same(statuses, [400, 200, 400, 200]);
});

/** Sessions whose unwraps cost nothing, and end only while they are not held up. */
function cheapSessions(t: Test) {
  const keyring = loadKeyring(writeKeyring(join(t.testdir({}), 'ring')));
  const held = Promise.withResolvers<void>();
  t.teardown(() => held.resolve());
  let isHeld = false;
  const unwrap = async () => {
    if (isHeld) await held.promise;
    return randomBytes(32);
  };
  const primary = { keyId: '', publicKeyPem: '' };
  const sessions = new Sessions({ primary, unwrapper: () => unwrap }, keyring, testClock());
  const open = (address: string) => sessions.open({ sessionKey: 'AAAA' }, address);
  return {
    sessions,
    open,
    accept: async (address: string) => (await open(address)).acceptPeer?.(),
    hold: () => {
      isHeld = true;
    },
  };
}

const maxUnwraps = 2 * coresForUnwraps;

t.test(
  'ten thousand peers are known, of which the one longest not seen is forgotten',
  async (t) => {
    const { sessions, open, accept, hold } = cheapSessions(t);
    for (let i = 0; i < 10_000; i++) await accept(`peer-${i}`);
    await accept('peer-0');
    await accept('peer-10000');
    hold();
    const openMany = (address: string) => {
      for (let i = 0; i <= maxUnwraps; i++) open(address).catch(() => undefined);
    };
    openMany('peer-0');
    t.same(sessions.waiting, { known: 1, unknown: 0 });
    openMany('peer-1');
    t.same(sessions.waiting, { known: 1, unknown: 1 });
  },
);

t.test('a new session waits a second for its unwrap', async (t) => {
  const { open, hold } = cheapSessions(t);
  hold();
  const turnOn = await stillTimers(t);
  for (let i = 0; i < maxUnwraps; i++) void open('stranger');
  let outcome: unknown;
  open('stranger').catch((error) => {
    outcome = error;
  });
  await turnOn(999);
  t.equal(outcome, undefined);
  await turnOn(1);
  t.match(outcome, { code: 'overloaded', options: { reason: 'unwraps', retryAfterSeconds: 1 } });
});

async function otherRsa(t: Test) {
  return loadRsaKeys(writeKeyFolder(join(t.testdir({}), 'other'), { 'x.pem': rsaPem() }));
}

async function countedStore(t: Test) {
  return countReads(await scratchStore(t));
}

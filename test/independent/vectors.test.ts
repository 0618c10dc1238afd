import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import {
  decryptLegacyRow,
  deriveKey,
  documentMac,
  encryptLegacyRow,
  type Keyring,
  macInput,
  openRow,
  openTicket,
  readSecret,
  rowAad,
  sealRow,
  sealTicket,
  ticketAad,
  verifyDocument,
} from './at-rest.ts';
import {
  base64,
  base64url,
  check,
  fromBase64,
  fromBase64url,
  fromHex,
  fromUtf8,
  hex,
} from './bytes.ts';
import { callerKeyHash, checkCallerKey, checksum, crc32 } from './caller-key.ts';
import { encryptOaep } from './oaep.ts';
import { open, pae, seal } from './sealing.ts';
import {
  changesAads,
  importPrivateKey,
  openText,
  readPublicKey,
  requestAad,
  responseAad,
  sealText,
  unwrapSessionKey,
  whoamiAads,
  wrapSessionKey,
} from './skx1.ts';
import type {
  CallerKey,
  DocumentVector,
  Exchange,
  Kept,
  LegacyRow,
  Message,
  Piece,
  Pieces,
  Question,
  RowVector,
  Sealed,
  Spelling,
  TicketVector,
  Wrapped,
  WrongMessage,
  WrongQuestion,
} from './vector-shapes.ts';

const folder = join(import.meta.dirname, '../vectors');
const rsaKeys = read('keys/rsa-test-only.json');
const secondTicket = read('ticket.json').success[0].ticket;

function read(file: string) {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}

/** The checks of one file's vectors. */
interface Runner {
  /** Makes the vector's values again and reads them. */
  success(t: Test, vector: object): Promise<void> | void;
  /** Rejects with Refused. */
  failure(vector: object): Promise<unknown>;
}

/** The vectors are data of this repository, and of these shapes. */
function runner<S extends object, F extends object>(
  success: (t: Test, vector: S) => Promise<void> | void,
  failure: (vector: F) => Promise<unknown>,
): Runner {
  return {
    success: (t, vector) => success(t, vector as S),
    failure: (vector) => failure(vector as F),
  };
}

const decoders = { base64: fromBase64, base64url: fromBase64url };
const encoders = { base64, base64url };

function encodePieces(pieces: readonly Piece[]): string {
  return hex(pae(...pieces.map((piece) => ('text' in piece ? piece.text : fromHex(piece.hex)))));
}

function keyringOf({ keyring }: Kept): Keyring {
  return new Map(Object.entries(keyring).map(([kid, key]) => [kid, fromHex(key)]));
}

function keyOf({ keyring }: Kept, kid: string): string {
  return keyring[kid] ?? '';
}

async function unwrap(key: 'primary' | 'other', wrapped: string) {
  return unwrapSessionKey(await importPrivateKey(rsaKeys[key].privateJwk), wrapped);
}

async function checkMessage(t: Test, sessionKeyHex: string, aad: Uint8Array, message: Message) {
  const key = fromHex(sessionKeyHex);
  t.equal(hex(aad), message.aadHex, 'AAD');
  const bound = fromHex(message.aadHex);
  t.equal(await openText(key, bound, message.sealed), message.plaintext, 'opens');
  const sealed = await sealText(key, bound, message.plaintext, fromHex(message.ivHex));
  t.equal(sealed, message.sealed, 'seals');
}

/** The session key of a request is wrapped for the pair `primary`, or in the ticket of the vectors. */
async function checkSession(
  t: Test,
  { sessionKey, keyId, session }: Record<string, unknown>,
  sessionKeyHex: string,
) {
  if (session === undefined) {
    t.equal(hex(await unwrap('primary', String(sessionKey))), sessionKeyHex, 'session key');
    t.ok(keyId === undefined || keyId === rsaKeys.primary.keyId, 'key id');
  } else {
    t.equal(session, secondTicket, 'ticket');
    t.equal(sessionKey, undefined, 'no session key beside a ticket');
  }
}

const questionAads = { '/changes': changesAads, '/whoami': whoamiAads };

const runners: Record<string, Runner> = {
  base64: runner<Spelling & { bytesHex: string }, Spelling>(
    (t, { encoding, text, bytesHex }) => {
      t.equal(hex(decoders[encoding](text)), bytesHex, 'decodes');
      t.equal(encoders[encoding](fromHex(bytesHex)), text, 'encodes');
    },
    async ({ encoding, text }) => decoders[encoding](text),
  ),

  pae: runner<Pieces, Pieces>(
    (t, { pieces, encodedHex }) => {
      t.equal(encodePieces(pieces), encodedHex);
    },
    async ({ pieces, encodedHex }) => check(encodePieces(pieces) === encodedHex, 'another list'),
  ),

  aead: runner<Sealed & { ivHex: string; plaintextHex: string }, Sealed>(
    async (t, { keyHex, aadHex, sealedHex, ivHex, plaintextHex }) => {
      const [key, aad] = [fromHex(keyHex), fromHex(aadHex)];
      t.equal(hex(await open(key, aad, fromHex(sealedHex))), plaintextHex, 'opens');
      const sealed = await seal(key, aad, fromHex(plaintextHex), fromHex(ivHex));
      t.equal(hex(sealed), sealedHex, 'seals');
    },
    ({ keyHex, aadHex, sealedHex }) => open(fromHex(keyHex), fromHex(aadHex), fromHex(sealedHex)),
  ),

  'key-wrap': runner<
    Wrapped & { keyId: string; sessionKeyHex: string; oaepSeedHex: string },
    Wrapped
  >(
    async (t, { key: name, wrapped, keyId, sessionKeyHex, oaepSeedHex }) => {
      const publicKey = await readPublicKey(rsaKeys[name].publicKeyPem);
      const sessionKey = fromHex(sessionKeyHex);
      t.equal(publicKey.keyId, keyId, 'key id');
      t.equal(hex(await unwrap(name, wrapped)), sessionKeyHex, 'unwraps');
      const again = await encryptOaep(publicKey.key, sessionKey, fromHex(oaepSeedHex));
      t.equal(base64(again), wrapped, 'wraps with the seed');
      const another = await wrapSessionKey(publicKey.key, sessionKey);
      t.not(another, wrapped, 'wraps with a seed of its own');
      t.equal(hex(await unwrap(name, another)), sessionKeyHex, 'unwraps that');
    },
    ({ key, wrapped }) => unwrap(key, wrapped),
  ),

  exchange: runner<Exchange, WrongMessage>(
    async (t, { sessionKeyHex, request, response, requestBody, ...context }) => {
      const { clientId, tokenType, timestamp, nonce } = context;
      if (request) await checkMessage(t, sessionKeyHex, requestAad(context), request);
      await checkMessage(t, sessionKeyHex, responseAad(context), response);
      const { sessionKey, keyId, session, ...members } = requestBody;
      t.strictSame(
        members,
        request
          ? { clientId, tokenType, timestamp, nonce, credential: request.sealed }
          : { clientId, tokenType },
        'request body',
      );
      await checkSession(t, requestBody, sessionKeyHex);
      const answer = JSON.parse(response.plaintext);
      t.equal('session' in answer, request !== undefined && session === undefined, 'new ticket');
    },
    async ({ direction, sessionKeyHex, sealed, ...context }) =>
      openText(
        fromHex(sessionKeyHex),
        direction === 'request' ? requestAad(context) : responseAad(context),
        sealed,
      ),
  ),

  question: runner<Question, WrongQuestion>(
    async (t, { path, sessionKeyHex, request, response, requestBody, ...freshness }) => {
      const aads = questionAads[path](freshness);
      await checkMessage(t, sessionKeyHex, aads.request, request);
      await checkMessage(t, sessionKeyHex, aads.response, response);
      const { sessionKey, keyId, session, ...members } = requestBody;
      const { timestamp, nonce } = freshness;
      t.strictSame(members, { timestamp, nonce, credential: request.sealed }, 'request body');
      await checkSession(t, requestBody, sessionKeyHex);
      const answer = JSON.parse(response.plaintext);
      t.equal('session' in answer, session === undefined, 'new ticket');
    },
    async ({ path, direction, sessionKeyHex, sealed, ...freshness }) =>
      openText(fromHex(sessionKeyHex), questionAads[path](freshness)[direction], sealed),
  ),

  ticket: runner<
    TicketVector & {
      kid: string;
      ticketKeyHex: string;
      aadHex: string;
      ivHex: string;
      sessionKeyHex: string;
      expiresAt: number;
    },
    TicketVector
  >(
    async (t, vector) => {
      const { kid, ticket, sessionKeyHex, ivHex } = vector;
      const derived = await deriveKey(fromHex(keyOf(vector, kid)), 'skx1 tickets');
      t.equal(hex(derived), vector.ticketKeyHex, 'ticket key');
      t.equal(hex(ticketAad(kid)), vector.aadHex, 'AAD');
      const content = { sessionKey: fromHex(sessionKeyHex), expiresAt: BigInt(vector.expiresAt) };
      t.strictSame(await openTicket(keyringOf(vector), ticket), content, 'opens');
      t.equal(await sealTicket(keyringOf(vector), kid, content, fromHex(ivHex)), ticket, 'seals');
    },
    (vector) => openTicket(keyringOf(vector), vector.ticket),
  ),

  derive: runner<
    { atRestKeyHex: string; info: string; derivedHex: string },
    { atRestKeyHex: string; info: string }
  >(
    async (t, { atRestKeyHex, info, derivedHex }) => {
      t.equal(hex(await deriveKey(fromHex(atRestKeyHex), info)), derivedHex);
    },
    ({ atRestKeyHex, info }) => deriveKey(fromHex(atRestKeyHex), info),
  ),

  'token-row': runner<
    RowVector & {
      kid: string;
      rowKeyHex: string;
      aadHex: string;
      ivHex: string;
      plaintext: string;
    },
    RowVector
  >(
    async (t, vector) => {
      const { kid, row, plaintext } = vector;
      const keyring = keyringOf(vector);
      const derived = await deriveKey(fromHex(keyOf(vector, kid)), 'skt1 rows');
      t.equal(hex(derived), vector.rowKeyHex, 'row key');
      t.equal(hex(rowAad(kid, vector)), vector.aadHex, 'AAD');
      t.equal(await openRow(keyring, vector, row), plaintext, 'opens');
      const sealed = await sealRow(keyring, kid, vector, plaintext, fromHex(vector.ivHex));
      t.equal(sealed, row, 'seals');
      t.strictSame(readSecret(plaintext), JSON.parse(plaintext), 'content');
    },
    (vector) => openRow(keyringOf(vector), vector, vector.row),
  ),

  'document-mac': runner<
    DocumentVector & { macKeyHex: string; macInputHex: string },
    DocumentVector
  >(
    async (t, vector) => {
      const keyring = keyringOf(vector);
      const derived = await deriveKey(fromHex(keyOf(vector, vector.kid)), 'skd1 documents');
      t.equal(hex(derived), vector.macKeyHex, 'document key');
      t.equal(hex(macInput(vector)), vector.macInputHex, 'input');
      t.equal(await documentMac(keyring, vector), vector.mac, 'MAC');
      await t.resolves(verifyDocument(keyring, vector, vector.mac), 'verifies');
    },
    (vector) => verifyDocument(keyringOf(vector), vector, vector.mac),
  ),

  'legacy-row': runner<LegacyRow & { plaintext: string }, LegacyRow>(
    async (t, { keyHex, ivHex, row, plaintext }) => {
      const [key, iv] = [fromHex(keyHex), fromHex(ivHex)];
      t.equal(await decryptLegacyRow(key, iv, row), plaintext, 'decrypts');
      t.equal(await encryptLegacyRow(key, iv, plaintext), row, 'encrypts');
    },
    ({ keyHex, ivHex, row }) => decryptLegacyRow(fromHex(keyHex), fromHex(ivHex), row),
  ),

  'caller-key': runner<CallerKey & { crc32: number; hash: string }, CallerKey>(
    async (t, { prefix, key, crc32: sum, hash }) => {
      t.doesNotThrow(() => checkCallerKey(prefix, key), 'form and checksum');
      t.equal(crc32(key.slice(0, -6)), sum, 'CRC-32');
      t.equal(checksum(key.slice(0, -6)), key.slice(-6), 'digits');
      t.equal(await callerKeyHash(key), hash, 'hash');
    },
    async ({ prefix, key }) => checkCallerKey(prefix, key),
  ),
};

const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

t.test('knows every file of vectors', async (t) => {
  const formats = files.map((file) => basename(file, '.json'));
  t.strictSame(formats.sort(), Object.keys(runners).sort());
});

for (const file of files) {
  const { format, success, failure } = read(file);
  const run = runners[format];
  t.test(`makes and reads every success of ${file}`, async (t) => {
    t.ok(success.length > 0, 'has vectors');
    for (const vector of success) await t.test(vector.name, async (t) => run?.success(t, vector));
  });
  t.test(`refuses every failure of ${file}`, async (t) => {
    t.ok(failure.length > 0, 'has vectors');
    for (const vector of failure) {
      await t.rejects(async () => run?.failure(vector), { name: 'Refused' }, vector.name);
    }
  });
}

t.test('refuses text with a lone surrogate, which has no UTF-8', async (t) => {
  t.throws(() => pae('a\ud800'), { name: 'Refused' });
  t.throws(() => fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80)), { name: 'Refused' });
});

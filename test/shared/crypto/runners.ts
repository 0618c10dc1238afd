import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Test } from 'tap';
import { Value } from 'typebox/value';
import { importKey, open, sealWithIv } from '../../../shared/crypto/aead.ts';
import { decodeBase64 } from '../../../shared/crypto/base64.ts';
import { callerKeyHash, isCallerKey, type KeyPrefix } from '../../../shared/crypto/caller-key.ts';
import { deriveKey, type Purpose, purposes } from '../../../shared/crypto/derive.ts';
import { checkDocumentMac, documentMac } from '../../../shared/crypto/document-mac.ts';
import {
  changesRequestAad,
  changesResponseAad,
  openText,
  requestAad,
  responseAad,
  whoamiRequestAad,
  whoamiResponseAad,
} from '../../../shared/crypto/exchange.ts';
import type { KeyLookup } from '../../../shared/crypto/kid.ts';
import { openLegacyRow } from '../../../shared/crypto/legacy-row.ts';
import { OpenError } from '../../../shared/crypto/open-error.ts';
import { pae } from '../../../shared/crypto/pae.ts';
import { createUnwrapper, importPublicKey, publicKeyId } from '../../../shared/crypto/rsa-oaep.ts';
import { openTicket } from '../../../shared/crypto/ticket.ts';
import { openTokenRow, tokenRowAad, tokenRowKid } from '../../../shared/crypto/token-row.ts';
import {
  ChangesCredentialSchema,
  ChangesSchema,
} from '../../../shared/protocol/change-messages.ts';
import {
  CredentialSchema,
  QuestionRequestSchema,
  ReleaseRequestSchema,
  ReleaseSchema,
} from '../../../shared/protocol/messages.ts';
import { WhoamiCredentialSchema, WhoamiSchema } from '../../../shared/protocol/whoami-messages.ts';
import { testKeys } from '../../vectors/source/key-wrap.ts';

/** A vector of any format; test/vectors/README.md says which members which format has. */
export interface Vector {
  readonly name: string;
  readonly of: string;
  readonly pieces: readonly { readonly text?: string; readonly hex?: string }[];
  readonly encodedHex: string;
  readonly encoding: 'base64' | 'base64url';
  readonly text: string;
  readonly bytesHex: string;
  readonly keyHex: string;
  readonly ivHex: string;
  readonly aadHex: string;
  readonly plaintextHex: string;
  readonly sealedHex: string;
  readonly keyId: string;
  readonly wrapped: string;
  readonly oaepSeedHex: string;
  readonly sessionKeyHex: string;
  readonly clientId: string;
  readonly tokenType: string;
  readonly timestamp: number;
  readonly nonce: string;
  readonly direction: Direction;
  readonly path: keyof typeof questions;
  readonly sealed: string;
  readonly request?: SealedText;
  readonly response?: SealedText;
  readonly requestBody: { readonly [field: string]: unknown; readonly sessionKey?: string };
  readonly keyring: Readonly<Record<string, string>>;
  readonly kid: string;
  readonly ticket: string;
  readonly ticketKeyHex: string;
  readonly expiresAt: number;
  readonly row: string;
  readonly rowKeyHex: string;
  readonly plaintext: string;
  readonly kind: string;
  readonly id: string;
  readonly revision: number;
  readonly body: string;
  readonly mac: string;
  readonly macKeyHex: string;
  readonly macInputHex: string;
  readonly info: string;
  readonly atRestKeyHex: string;
  readonly derivedHex: string;
  readonly prefix: KeyPrefix;
  readonly key: string;
  readonly hash: string;
}

type Direction = 'request' | 'response';

interface SealedText {
  readonly aadHex: string;
  readonly ivHex: string;
  readonly plaintext: string;
  readonly sealed: string;
}

/** How one format's vectors are run. */
export interface Runner {
  /** Opens or decodes, compares, and encodes again if that is deterministic. */
  readonly succeed: (t: Test, vector: Vector) => void | Promise<void>;
  /** Must throw, or reject with, an error of the class `fault`. */
  readonly fail: (vector: Vector) => unknown;
  readonly fault?: new (...args: never[]) => Error;
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const hex = (raw: Uint8Array): string => Buffer.from(raw).toString('hex');

/** Finds keys derived for `purpose` in a vector's keyring. */
function lookup(keyring: Readonly<Record<string, string>>, purpose: Purpose): KeyLookup {
  return (kid) => {
    const master = Object.hasOwn(keyring, kid) ? keyring[kid] : undefined;
    return master === undefined ? undefined : deriveKey(bytes(master), purpose);
  };
}

function keyOf(vector: Vector, purpose: Purpose): KeyObject {
  const key = lookup(vector.keyring, purpose)(vector.kid);
  if (key === undefined) throw new OpenError();
  return key;
}

const exchangeAad = (vector: Vector, direction: Direction): Buffer =>
  direction === 'request'
    ? requestAad({
        clientId: vector.clientId,
        tokenType: vector.tokenType,
        timestamp: vector.timestamp,
        nonce: vector.nonce,
      })
    : responseAad({
        clientId: vector.clientId,
        tokenType: vector.tokenType,
        nonce: vector.nonce,
      });

const questions = {
  '/changes': {
    request: { aad: changesRequestAad, schema: ChangesCredentialSchema },
    response: { aad: changesResponseAad, schema: ChangesSchema },
  },
  '/whoami': {
    request: { aad: whoamiRequestAad, schema: WhoamiCredentialSchema },
    response: { aad: whoamiResponseAad, schema: WhoamiSchema },
  },
};

/** The parts open under their AADs, and sealing them again yields the same bytes. */
function checkParts(t: Test, vector: Vector, aadOf: (direction: Direction) => Buffer): void {
  const key = importKey(bytes(vector.sessionKeyHex));
  for (const direction of ['request', 'response'] as const) {
    const part = vector[direction];
    if (part === undefined) continue;
    const aad = aadOf(direction);
    t.equal(hex(aad), part.aadHex);
    t.equal(openText(key, part.sealed, aad), part.plaintext);
    const sealed = sealWithIv(key, part.plaintext, aad, bytes(part.ivHex));
    t.equal(sealed.toString('base64'), part.sealed);
  }
}

async function checkSessionKey(t: Test, { requestBody, sessionKeyHex }: Vector): Promise<void> {
  if (requestBody.sessionKey === undefined) return;
  const unwrap = await unwrapper;
  t.equal(hex(await unwrap(decodeBase64(requestBody.sessionKey, 'base64'))), sessionKeyHex);
}

const keys = testKeys();
const unwrapper = createUnwrapper(
  createPrivateKey({ key: keys.primary.privateJwk, format: 'jwk' }),
  1,
);

/** The runner of each format. */
export const runners: Readonly<Record<string, Runner>> = {
  pae: {
    succeed: (t, { pieces, encodedHex }) => {
      t.equal(hex(encodePieces(pieces)), encodedHex);
    },
    fail: ({ pieces, encodedHex }) => {
      if (hex(encodePieces(pieces)) !== encodedHex) throw new OpenError();
    },
  },
  base64: {
    succeed: (t, { encoding, text, bytesHex }) => {
      t.equal(hex(decodeBase64(text, encoding)), bytesHex);
      t.equal(bytes(bytesHex).toString(encoding), text);
    },
    fail: ({ encoding, text }) => decodeBase64(text, encoding),
  },
  aead: {
    succeed: (t, { keyHex, ivHex, aadHex, plaintextHex, sealedHex }) => {
      const key = importKey(bytes(keyHex));
      t.equal(hex(open(key, bytes(sealedHex), bytes(aadHex))), plaintextHex);
      t.equal(hex(sealWithIv(key, bytes(plaintextHex), bytes(aadHex), bytes(ivHex))), sealedHex);
    },
    fail: ({ keyHex, aadHex, sealedHex }) =>
      open(importKey(bytes(keyHex)), bytes(sealedHex), bytes(aadHex)),
  },
  'key-wrap': {
    succeed: async (t, { keyId, sessionKeyHex, wrapped }) => {
      const unwrap = await unwrapper;
      t.equal(hex(await unwrap(decodeBase64(wrapped, 'base64'))), sessionKeyHex);
      t.equal(publicKeyId(importPublicKey(keys.primary.publicKeyPem)), keyId);
    },
    fail: async ({ wrapped }) => {
      const unwrap = await unwrapper;
      await unwrap(decodeBase64(wrapped, 'base64'));
    },
  },
  exchange: {
    succeed: async (t, vector) => {
      checkParts(t, vector, (direction) => exchangeAad(vector, direction));
      t.ok(Value.Check(ReleaseSchema, JSON.parse(vector.response?.plaintext ?? '')));
      if (vector.request !== undefined) {
        t.ok(Value.Check(CredentialSchema, JSON.parse(vector.request.plaintext)));
      }
      const { requestBody: body } = vector;
      t.ok(Value.Check(ReleaseRequestSchema, body));
      t.equal(body.credential, vector.request?.sealed);
      t.match(body, { clientId: vector.clientId, tokenType: vector.tokenType });
      await checkSessionKey(t, vector);
    },
    fail: (vector) =>
      openText(
        importKey(bytes(vector.sessionKeyHex)),
        vector.sealed,
        exchangeAad(vector, vector.direction),
      ),
  },
  question: {
    succeed: async (t, vector) => {
      const forms = questions[vector.path];
      checkParts(t, vector, (direction) => forms[direction].aad(vector));
      for (const direction of ['request', 'response'] as const) {
        const content = JSON.parse(vector[direction]?.plaintext ?? '');
        t.ok(Value.Check(forms[direction].schema, content), direction);
      }
      const { requestBody: body, timestamp, nonce } = vector;
      t.ok(Value.Check(QuestionRequestSchema, body));
      t.match(body, { timestamp, nonce, credential: vector.request?.sealed });
      await checkSessionKey(t, vector);
    },
    fail: (vector) =>
      openText(
        importKey(bytes(vector.sessionKeyHex)),
        vector.sealed,
        questions[vector.path][vector.direction].aad(vector),
      ),
  },
  ticket: {
    succeed: (t, vector) => {
      const ticket = decodeBase64(vector.ticket, 'base64');
      const content = openTicket(ticket, lookup(vector.keyring, 'tickets'));
      t.equal(hex(content.sessionKey), vector.sessionKeyHex);
      t.equal(content.expiresAt, vector.expiresAt);
      const key = keyOf(vector, 'tickets');
      t.equal(key.export().toString('hex'), vector.ticketKeyHex);
      const aad = pae('skx1', 'ticket', vector.kid);
      t.equal(hex(aad), vector.aadHex);
      const plaintext = open(key, ticket.subarray(1 + vector.kid.length), aad);
      const sealed = sealWithIv(key, plaintext, aad, bytes(vector.ivHex));
      const head = Buffer.from([vector.kid.length, ...Buffer.from(vector.kid)]);
      t.equal(Buffer.concat([head, sealed]).toString('base64'), vector.ticket);
    },
    fail: ({ ticket, keyring }) =>
      openTicket(decodeBase64(ticket, 'base64'), lookup(keyring, 'tickets')),
  },
  'token-row': {
    succeed: (t, vector) => {
      const { row, kid, plaintext } = vector;
      const context = { clientId: vector.clientId, tokenType: vector.tokenType };
      t.equal(openTokenRow(row, context, lookup(vector.keyring, 'rows')), plaintext);
      t.equal(tokenRowKid(row), kid);
      const key = keyOf(vector, 'rows');
      t.equal(key.export().toString('hex'), vector.rowKeyHex);
      const aad = tokenRowAad(kid, context);
      t.equal(hex(aad), vector.aadHex);
      const sealed = sealWithIv(key, plaintext, aad, bytes(vector.ivHex));
      t.equal(`skt1.${kid}.${sealed.toString('base64url')}`, row);
    },
    fail: ({ row, clientId, tokenType, keyring }) =>
      openTokenRow(row, { clientId, tokenType }, lookup(keyring, 'rows')),
  },
  'document-mac': {
    succeed: (t, vector) => {
      const key = keyOf(vector, 'documents');
      t.equal(key.export().toString('hex'), vector.macKeyHex);
      checkDocumentMac(key, vector, vector.mac);
      t.equal(documentMac(key, vector), vector.mac);
      const { kid, kind, id, revision, body } = vector;
      t.equal(hex(pae('skd1', kid, kind, id, String(revision), body)), vector.macInputHex);
    },
    fail: (vector) => checkDocumentMac(keyOf(vector, 'documents'), vector, vector.mac),
  },
  derive: {
    succeed: (t, { name, info, atRestKeyHex, derivedHex }) => {
      const purpose = name as Purpose;
      t.equal(purposes[purpose], info);
      t.equal(deriveKey(bytes(atRestKeyHex), purpose).export().toString('hex'), derivedHex);
    },
    fail: ({ atRestKeyHex }) => deriveKey(bytes(atRestKeyHex), 'rows'),
    fault: RangeError,
  },
  'caller-key': {
    succeed: (t, { key, prefix, hash }) => {
      t.ok(isCallerKey(key, prefix));
      t.equal(callerKeyHash(key), hash);
    },
    fail: ({ key, prefix }) => {
      if (!isCallerKey(key, prefix)) throw new OpenError();
    },
  },
  'legacy-row': {
    succeed: (t, { row, keyHex, ivHex, plaintext }) => {
      t.equal(openLegacyRow(row, { key: bytes(keyHex), iv: bytes(ivHex) }), plaintext);
    },
    fail: ({ row, keyHex, ivHex }) => openLegacyRow(row, { key: bytes(keyHex), iv: bytes(ivHex) }),
  },
};

function encodePieces(pieces: readonly { text?: string; hex?: string }[]): Buffer {
  return pae(...pieces.map(({ text, hex: raw }) => text ?? bytes(raw ?? '')));
}

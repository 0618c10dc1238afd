/** docs/protocol.md §5 and §6: what only KeyServer makes and reads. */
import {
  type Bytes,
  base64,
  base64url,
  check,
  concat,
  fromBase64,
  fromBase64url,
  fromLe64,
  fromUtf8,
  le64,
  Refused,
  utf8,
} from './bytes.ts';
import { open, pae, seal } from './sealing.ts';

/** At-rest keys by their kid. */
export type Keyring = ReadonlyMap<string, Bytes>;

/** HKDF-SHA256 with the empty salt. @throws Refused if the at-rest key has not 32 bytes */
export async function deriveKey(atRestKey: Bytes, info: string): Promise<Bytes> {
  check(atRestKey.length === 32, 'an at-rest key has 32 bytes');
  const key = await crypto.subtle.importKey('raw', atRestKey, 'HKDF', false, ['deriveBits']);
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256));
}

/** @throws Refused */
function derivedKey(keyring: Keyring, kid: string, info: string): Promise<Bytes> {
  check(/^[A-Za-z0-9_-]{1,64}$/.test(kid), 'no kid');
  const atRestKey = keyring.get(kid);
  check(atRestKey !== undefined, 'unknown kid');
  return deriveKey(atRestKey, info);
}

export interface Row {
  readonly clientId: string;
  readonly tokenType: string;
}

export function rowAad(kid: string, { clientId, tokenType }: Row): Bytes {
  return pae('skt1', kid, clientId, tokenType);
}

export async function sealRow(
  keyring: Keyring,
  kid: string,
  row: Row,
  plaintext: string,
  iv?: Bytes,
): Promise<string> {
  const key = await derivedKey(keyring, kid, 'skt1 rows');
  const sealed = await seal(key, rowAad(kid, row), utf8(plaintext), iv);
  return `skt1.${kid}.${base64url(sealed)}`;
}

/** Resolves to the JSON in the row. @throws Refused */
export async function openRow(keyring: Keyring, row: Row, stored: string): Promise<string> {
  const [version, kid, sealed, ...more] = stored.split('.');
  check(version === 'skt1' && more.length === 0, 'no skt1 row');
  check(kid !== undefined && sealed !== undefined, 'a row has three parts');
  const key = await derivedKey(keyring, kid, 'skt1 rows');
  return fromUtf8(await open(key, rowAad(kid, row), fromBase64url(sealed)));
}

/** The JSON of a row. @throws Refused */
export function readSecret(plaintext: string): object {
  const secret = parseObject(plaintext);
  const names = Object.keys(secret).filter((name) => name !== 'expiresAt');
  check(names.join() === 'fields', 'a row has fields and no other members');
  const { fields, expiresAt } = secret;
  check(typeof fields === 'object' && fields !== null && !Array.isArray(fields), 'fields');
  const values: unknown[] = Object.values(fields);
  check(
    values.every((value) => typeof value === 'string'),
    'fields are texts',
  );
  check(expiresAt === undefined || !Number.isNaN(Date.parse(String(expiresAt))), 'expiresAt');
  return secret;
}

function parseObject(json: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(json));
  } catch {
    throw new Refused('no JSON');
  }
}

export interface Ticket {
  readonly sessionKey: Bytes;
  /** Unix seconds. */
  readonly expiresAt: bigint;
}

export function ticketAad(kid: string): Bytes {
  return pae('skx1', 'ticket', kid);
}

export async function sealTicket(
  keyring: Keyring,
  kid: string,
  { sessionKey, expiresAt }: Ticket,
  iv?: Bytes,
): Promise<string> {
  const key = await derivedKey(keyring, kid, 'skx1 tickets');
  const sealed = await seal(key, ticketAad(kid), concat([sessionKey, le64(expiresAt)]), iv);
  return base64(concat([Uint8Array.of(kid.length), utf8(kid), sealed]));
}

/** Does not judge the expiry. @throws Refused */
export async function openTicket(keyring: Keyring, ticket: string): Promise<Ticket> {
  const bytes = fromBase64(ticket);
  const end = 1 + (bytes[0] ?? 0);
  check(bytes.length >= end, 'too short');
  const kid = fromUtf8(bytes.slice(1, end));
  const key = await derivedKey(keyring, kid, 'skx1 tickets');
  const content = await open(key, ticketAad(kid), bytes.slice(end));
  check(content.length === 40, 'a ticket has 40 bytes');
  return { sessionKey: content.slice(0, 32), expiresAt: fromLe64(content.slice(32)) };
}

export interface StoredDocument {
  readonly kid: string;
  readonly kind: string;
  readonly id: string;
  readonly revision: number;
  /** The text as stored. */
  readonly body: string;
}

export function macInput({ kid, kind, id, revision, body }: StoredDocument): Bytes {
  return pae('skd1', kid, kind, id, String(revision), body);
}

async function macKey(keyring: Keyring, kid: string, usage: 'sign' | 'verify') {
  const key = await derivedKey(keyring, kid, 'skd1 documents');
  return crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [usage]);
}

export async function documentMac(keyring: Keyring, document: StoredDocument): Promise<string> {
  const key = await macKey(keyring, document.kid, 'sign');
  return base64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, macInput(document))));
}

/** @throws Refused */
export async function verifyDocument(
  keyring: Keyring,
  document: StoredDocument,
  mac: string,
): Promise<void> {
  const key = await macKey(keyring, document.kid, 'verify');
  const isVerified = await crypto.subtle.verify(
    'HMAC',
    key,
    fromBase64url(mac),
    macInput(document),
  );
  check(isVerified, 'does not verify');
}

function legacyKey(key: Bytes, usage: 'encrypt' | 'decrypt') {
  check(key.length === 32, 'a key has 32 bytes');
  return crypto.subtle.importKey('raw', key, 'AES-CBC', false, [usage]);
}

/** A row of the earlier system. KeyServer never writes one. */
export async function encryptLegacyRow(key: Bytes, iv: Bytes, plaintext: string): Promise<string> {
  const imported = await legacyKey(key, 'encrypt');
  const encrypted = await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, imported, utf8(plaintext));
  return base64(new Uint8Array(encrypted));
}

/** @throws Refused */
export async function decryptLegacyRow(key: Bytes, iv: Bytes, row: string): Promise<string> {
  const encrypted = fromBase64(row);
  const imported = await legacyKey(key, 'decrypt');
  const plaintext = await crypto.subtle
    .decrypt({ name: 'AES-CBC', iv }, imported, encrypted)
    .catch(() => {
      throw new Refused('does not decrypt');
    });
  return fromUtf8(new Uint8Array(plaintext));
}

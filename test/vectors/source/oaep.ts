import { constants, createHash, type KeyObject, publicEncrypt } from 'node:crypto';

/** How a message is encoded; anything but the defaults is a fault that must be refused. */
export interface OaepOptions {
  readonly seed: Uint8Array;
  readonly labelHash?: string;
  readonly mgfHash?: string;
  readonly label?: string;
  readonly firstByte?: number;
  readonly separator?: number;
}

/**
 * EME-OAEP encoding and RSAEP (RFC 8017 §7.1.1) with a given seed, so that vectors can be made
 * again byte for byte. Not for use with real keys.
 */
export function wrapWithSeed(key: KeyObject, message: Uint8Array, options: OaepOptions): Buffer {
  const { seed, labelHash = 'sha256', mgfHash = 'sha256', label = '' } = options;
  const { firstByte = 0, separator = 1 } = options;
  const lHash = createHash(labelHash).update(label).digest();
  const head = seed.subarray(0, lHash.length);
  const dbBytes = modulusBytes(key) - 1 - lHash.length;
  const db = Buffer.alloc(dbBytes);
  db.set(lHash, 0);
  db[dbBytes - message.length - 1] = separator;
  db.set(message, dbBytes - message.length);
  const maskedDb = xor(db, mgf1(mgfHash, head, dbBytes));
  const maskedSeed = xor(head, mgf1(mgfHash, maskedDb, lHash.length));
  return encryptRaw(key, Buffer.concat([Buffer.of(firstByte), maskedSeed, maskedDb]));
}

/** RSAES-PKCS1-v1_5 encryption (RFC 8017 §7.2.1) with a given filling. */
export function wrapPkcs1(key: KeyObject, message: Uint8Array, filling: Uint8Array): Buffer {
  const fill = filling.subarray(0, modulusBytes(key) - 3 - message.length).map((byte) => byte || 1);
  return encryptRaw(key, Buffer.concat([Buffer.of(0, 2), fill, Buffer.of(0), message]));
}

/** RSAEP without any padding scheme; the message is filled up with zeros in front. */
export function encryptRaw(key: KeyObject, message: Uint8Array): Buffer {
  const block = Buffer.alloc(modulusBytes(key));
  block.set(message, block.length - message.length);
  return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
}

function modulusBytes(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}

/** MGF1 (RFC 8017 §B.2.1). */
function mgf1(hash: string, seed: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0, have = 0; have < length; i++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    const block = createHash(hash).update(seed).update(counter).digest();
    blocks.push(block);
    have += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, i) => byte ^ (right[i] ?? 0)));
}

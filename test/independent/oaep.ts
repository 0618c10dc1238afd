import { type Bytes, concat, fromBase64url, hex } from './bytes.ts';
import type { Key } from './skx1.ts';

const hashBytes = 32;

/**
 * RSAES-OAEP encryption (RFC 8017 §7.1.1) with SHA-256, MGF1 with SHA-256 and the empty label, for a given
 * seed: WebCrypto draws its own. For the vectors only.
 */
export async function encryptOaep(publicKey: Key, message: Bytes, seed: Bytes): Promise<Bytes> {
  const jwk: { n?: string; e?: string } = await crypto.subtle.exportKey('jwk', publicKey);
  const modulus = fromBase64url(jwk.n ?? '');
  const size = modulus.length;
  const padding = new Uint8Array(size - message.length - 2 * hashBytes - 2);
  const block = concat([await sha256(new Uint8Array()), padding, Uint8Array.of(1), message]);
  const maskedBlock = xor(block, await mgf1(seed, block.length));
  const maskedSeed = xor(seed, await mgf1(maskedBlock, hashBytes));
  const encoded = concat([Uint8Array.of(0), maskedSeed, maskedBlock]);
  return toBytes(
    power(toInteger(encoded), toInteger(fromBase64url(jwk.e ?? '')), toInteger(modulus)),
    size,
  );
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

/** RFC 8017 B.2.1; its counter is big-endian. */
async function mgf1(seed: Bytes, length: number): Promise<Bytes> {
  const blocks: Bytes[] = [];
  for (let counter = 0; counter * hashBytes < length; counter += 1) {
    const octets = new Uint8Array(4);
    new DataView(octets.buffer).setUint32(0, counter);
    blocks.push(await sha256(concat([seed, octets])));
  }
  return concat(blocks).slice(0, length);
}

function xor(bytes: Bytes, mask: Bytes): Bytes {
  return bytes.map((byte, at) => byte ^ (mask[at] ?? 0));
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function toInteger(bytes: Bytes): bigint {
  return BigInt(`0x${hex(bytes)}`);
}

function toBytes(integer: bigint, length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = length - 1, rest = integer; at >= 0; at -= 1, rest >>= 8n) {
    bytes[at] = Number(rest & 0xffn);
  }
  return bytes;
}

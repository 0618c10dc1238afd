import { randomFillSync } from 'node:crypto';

const poolBytes = 4096;

let pool = Buffer.alloc(0);
let usedBytes = 0;

/**
 * Random bytes from a pool, each handed out once. For values that become public (ivs, nonces, ids), not for
 * keys: the bytes lie in memory until they are used. One system call per value would cost more than all other
 * work for it.
 */
export function pooledRandom(bytes: number): Buffer {
  if (bytes > poolBytes) throw new RangeError(`at most ${poolBytes} bytes at once`);
  if (usedBytes + bytes > pool.length) {
    // Refilling the old pool would overwrite values that are still in use.
    pool = randomFillSync(Buffer.allocUnsafeSlow(poolBytes));
    usedBytes = 0;
  }
  const value = pool.subarray(usedBytes, usedBytes + bytes);
  usedBytes += bytes;
  return value;
}

let digits = '';
let usedDigits = 0;

/** Random hex digits in lower case, each handed out once; to convert bytes for each value would cost more than all else. */
export function pooledHex(length: number): string {
  if (usedDigits + length > digits.length) {
    digits = pooledRandom(poolBytes).toString('hex');
    usedDigits = 0;
  }
  const value = digits.slice(usedDigits, usedDigits + length);
  usedDigits += length;
  return value;
}

import { randomFillSync } from 'node:crypto';

const poolBytes = 4096;

let pool = Buffer.alloc(0);
let drawn = 0;

/**
 * Random bytes for what is public once used: ivs, nonces, ids; not for keys, since bytes wait here until they
 * are drawn. Drawn for many uses at once: a system call for each costs more than what it is for. Never drawn twice.
 */
export function pooledRandom(bytes: number): Buffer {
  if (bytes > poolBytes) throw new RangeError(`at most ${poolBytes} bytes at once`);
  if (drawn + bytes > pool.length) {
    // A new pool, not the same filled again: what was drawn stays as it is.
    pool = randomFillSync(Buffer.allocUnsafeSlow(poolBytes));
    drawn = 0;
  }
  const taken = pool.subarray(drawn, drawn + bytes);
  drawn += bytes;
  return taken;
}

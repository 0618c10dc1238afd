import { hash } from 'node:crypto';
import type { TokenContext } from '../../../shared/crypto/token-row.ts';

/**
 * Remembers the line of each name, in some 30 bytes, so that millions fit: by 64 bits of the name's SHA-256, which two
 * of a million names share in one of ten million cases.
 */
export class NameLines {
  #size = 0;
  #digests = new BigUint64Array(1024);
  /** 0: the place is free. */
  #lines = new Uint32Array(1024);

  /** The line of an equal name before; undefined if this is the first. */
  add(name: TokenContext, line: number): number | undefined {
    if (this.#size * 2 >= this.#lines.length) this.#grow();
    const before = this.#put(digestOf(name), line);
    if (before === undefined) this.#size += 1;
    return before;
  }

  has(name: TokenContext): boolean {
    return this.#lines[this.#placeOf(digestOf(name))] !== 0;
  }

  #put(digest: bigint, line: number): number | undefined {
    const at = this.#placeOf(digest);
    if (this.#lines[at] !== 0) return this.#lines[at];
    this.#digests[at] = digest;
    this.#lines[at] = line;
    return undefined;
  }

  /** The place of the digest; a free one if it is not stored. */
  #placeOf(digest: bigint): number {
    const mask = this.#lines.length - 1;
    let at = Number(digest & BigInt(mask));
    while (this.#lines[at] !== 0 && this.#digests[at] !== digest) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const digests = this.#digests;
    const lines = this.#lines;
    this.#digests = new BigUint64Array(digests.length * 2);
    this.#lines = new Uint32Array(lines.length * 2);
    for (const [i, line] of lines.entries()) {
      if (line !== 0) this.#put(digests[i] ?? 0n, line);
    }
  }
}

function digestOf({ clientId, tokenType }: TokenContext): bigint {
  return hash('sha256', JSON.stringify([clientId, tokenType]), 'buffer').readBigUInt64LE();
}

import { createHash } from 'node:crypto';

/** One vector: `name` and the members that test/vectors/README.md lists for its format. */
export type Vector = { readonly name: string } & Readonly<Record<string, unknown>>;

/** One file of vectors; a failure has exactly one fault, which is its name. */
export interface VectorFile {
  readonly format: string;
  readonly about: string;
  readonly success: readonly Vector[];
  readonly failure: readonly Vector[];
}

/** Bytes that look random and are the same in every run: SHA-256 in counter mode over a label. */
export function fixedBytes(label: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`skx1 test vector ${label} ${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

/** A copy with the lowest bit of one byte flipped; a negative index counts from the end. */
export function flip(bytes: Uint8Array, index: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = index < 0 ? copy.length + index : index;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** Makes failures of a success: its inputs (members named in `inputs`) with one change each. */
export function faultsOf(
  base: Vector,
  inputs: readonly string[],
): (name: string, change: Readonly<Record<string, unknown>>) => Vector {
  const kept = Object.fromEntries(inputs.map((input) => [input, base[input]]));
  return (name, change) => ({ name, of: base.name, ...kept, ...change });
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Pre-authentication encoding (PASETO v1–v4, "PAE"): `LE64(n) ‖ each piece: LE64(length) ‖ bytes`.
 * Injective, so that no two lists of pieces share one AAD; text pieces are UTF-8.
 * docs/protocol.md §2.
 */
export function pae(...pieces: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [le64(pieces.length)];
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    parts.push(le64(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

function le64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

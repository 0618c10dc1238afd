const countBytes = 8;

/**
 * Pre-authentication encoding (PASETO v1–v4, "PAE"): `LE64(n) ‖ each piece: LE64(length) ‖ bytes`.
 * It is injective, so no two lists of pieces share an AAD. Text pieces are UTF-8. docs/protocol.md §2.
 */
export function pae(...pieces: readonly (string | Uint8Array)[]): Buffer {
  let length = countBytes;
  for (const piece of pieces) length += countBytes + byteLength(piece);
  const encoded = Buffer.allocUnsafe(length);
  let at = writeCount(encoded, pieces.length, 0);
  for (const piece of pieces) {
    const bytes = byteLength(piece);
    at = writeCount(encoded, bytes, at);
    if (typeof piece === 'string') encoded.write(piece, at);
    else encoded.set(piece, at);
    at += bytes;
  }
  return encoded;
}

function byteLength(piece: string | Uint8Array): number {
  return typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
}

/** Writes LE64 with an upper half of zero, since no piece has 4 GiB. Returns the offset after it. */
function writeCount(into: Buffer, count: number, at: number): number {
  return into.writeUInt32LE(0, into.writeUInt32LE(count, at));
}

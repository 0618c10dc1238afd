/** Bytes to search for. */
export interface Pattern {
  readonly bytes: Uint8Array;
  /** Whether each byte may also be URL- or JSON-escaped. */
  readonly escapable: boolean;
}

/** Shorter secrets occur by chance, and are guessed faster than read. */
const minSecretBytes = 12;

/**
 * The patterns of a secret: plain, and base64 and base64url at each alignment, all of these also
 * escaped; and hexadecimal. None if the secret is too short.
 */
export function secretPatterns(secret: string): Pattern[] {
  const bytes = Buffer.from(secret);
  if (bytes.length < minSecretBytes) return [];
  const base64 = ([0, 1, 2] as const).map((offset) => alignedBase64(bytes, offset));
  const base64Texts = new Set([...base64, ...base64.map(toBase64url)]);
  const hex = bytes.toString('hex');
  return [
    { bytes, escapable: true },
    ...[...base64Texts].map((text) => ({ bytes: Buffer.from(text), escapable: true })),
    { bytes: Buffer.from(hex), escapable: false },
    { bytes: Buffer.from(hex.toUpperCase()), escapable: false },
  ];
}

/** The base64 characters of `… bytes …` that depend on these bytes alone, if they begin at `offset` in a group of three. */
function alignedBase64(bytes: Uint8Array, offset: 0 | 1 | 2): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const sharedAhead = [0, 2, 3] as const;
  const sharedBehind = [0, 3, 2] as const;
  const last = ((offset + bytes.length) % 3) as 0 | 1 | 2;
  return encoded.slice(sharedAhead[offset], encoded.length - sharedBehind[last]);
}

function toBase64url(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_');
}

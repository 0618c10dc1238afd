/** A secret by name; bytes for what is no text, such as keys. */
export type Secrets = Readonly<Record<string, string | Uint8Array>>;

export interface Leak {
  readonly secret: string;
  readonly form: string;
  /** The place where it was found, with its surroundings. */
  readonly excerpt: string;
}

const excerptChars = 120;

/** Looks for every secret in every form in which a program could have written it. */
export function findLeaks(text: string, secrets: Secrets): Leak[] {
  return Object.entries(secrets).flatMap(([secret, value]) =>
    writtenForms(value).flatMap(([form, written]) => {
      const at = text.indexOf(written);
      if (at < 0) return [];
      const excerpt = text.slice(Math.max(0, at - excerptChars), at + excerptChars);
      return [{ secret, form, excerpt }];
    }),
  );
}

/** The forms of a secret: plain, JSON- and URL-escaped for texts; base64 and hex for all. */
export function writtenForms(value: string | Uint8Array): [form: string, written: string][] {
  const bytes = Buffer.from(value);
  const hex = bytes.toString('hex');
  const alignments = ([0, 1, 2] as const).flatMap((offset): [string, string][] => [
    [`base64, offset ${offset}`, alignedBase64(bytes, offset)],
    [`base64url, offset ${offset}`, toBase64url(alignedBase64(bytes, offset))],
  ]);
  const texts = typeof value === 'string' ? textForms(value) : [];
  return [...texts, ...alignments, ['hex', hex], ['HEX', hex.toUpperCase()]];
}

function textForms(value: string): [string, string][] {
  const once = JSON.stringify(value).slice(1, -1);
  return [
    ['plain', value],
    ['JSON', once],
    // As a JSON text within a line of the log.
    ['JSON twice', JSON.stringify(once).slice(1, -1)],
    ['URL', encodeURIComponent(value)],
    ['form', new URLSearchParams({ '': value }).toString().slice(1)],
  ];
}

/**
 * The part of the base64 of `… bytes …` that depends on these bytes alone, where they begin at
 * `offset` within a group of three.
 */
function alignedBase64(bytes: Uint8Array, offset: 0 | 1 | 2): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const shared = { 0: 0, 1: 2, 2: 3 } as const;
  const open = { 0: 0, 1: 3, 2: 2 } as const;
  const last = ((offset + bytes.length) % 3) as 0 | 1 | 2;
  return encoded.slice(shared[offset], encoded.length - open[last]);
}

function toBase64url(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_');
}

import { readFileSync } from 'node:fs';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const code = 'ERR_NOT_TEXT';

/** Text in UTF-8, without the mark that some editors put before it. @throws Error, see {@link unreadable} */
export function textOf(bytes: Uint8Array): string {
  let text: string | undefined;
  try {
    text = utf8.decode(bytes);
  } catch {
    // Replacing what does not decode would make one text of several.
  }
  // UTF-16 without its mark decodes all the same.
  if (text !== undefined && !text.includes('\0')) return text;
  throw Object.assign(new Error('not text in UTF-8'), { code });
}

/** {@link textOf} for a file's content. @throws Error of the system too */
export function readText(file: string): string {
  return textOf(readFileSync(file));
}

/** A sentence on why a text cannot be read. */
export function unreadable(name: string, error: unknown): string {
  const { code: found } = error as NodeJS.ErrnoException;
  return found === code ? `${name} is not text in UTF-8` : `cannot read ${name} (${found})`;
}

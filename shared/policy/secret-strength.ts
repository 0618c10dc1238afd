/** Shorter secrets are not redacted: they occur by chance, and are guessed faster than read. */
export const minSecretBytes = 12;

const minAlphanumerics = 12;
const minRun = 6;

/**
 * Whether a text has enough letters and digits to be recognized by these alone, as all generated
 * tokens have. A password that a person made up may not; looking for its letters would redact prose.
 */
export function isFoundLoosely(text: string): boolean {
  const runs = text.match(/[A-Za-z0-9]+/g) ?? [];
  return runs.join('').length >= minAlphanumerics && runs.some(({ length }) => length >= minRun);
}

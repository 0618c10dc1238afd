import { styleText } from 'node:util';
import type { Environment } from '../../../../shared/settings/config.ts';

/** Whether a stream is coloured: on a terminal, unless NO_COLOR is set; FORCE_COLOR decides for any stream. */
export function hasColors(environment: Environment, columns: number | undefined): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment;
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return columns !== undefined && !NO_COLOR && TERM !== 'dumb';
}

const colors: Readonly<Record<string, 'green' | 'yellow' | 'red'>> = {
  ...{ ok: 'green', allowed: 'green', warning: 'yellow', note: 'yellow' },
  ...{ fault: 'red', rejected: 'red', error: 'red' },
};

/**
 * Colours headings, verdicts in the column of a table, and the word before a colon at the beginning of a line.
 * It takes text whose control characters are escaped already, so that a name cannot bring colours of its own.
 */
export function painted(text: string): string {
  const color = (word: string) =>
    styleText(colors[word] ?? 'reset', word, { validateStream: false });
  return text
    .replace(/^[A-Z][A-Z -]*(?: {2,}[A-Z][A-Z -]*)+$/m, (heading) =>
      styleText('bold', heading, { validateStream: false }),
    )
    .replace(/(?<=^\S.* {2})(?:ok|warning|fault|rejected)(?= {2,}|$)/gm, color)
    .replace(/^(?:error|warning|note|rejected)(?=:)|^allowed$/gm, color);
}

import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';
import { forTerminal } from './invisible-characters.ts';

type PinoPretty = typeof import('pino-pretty');

/**
 * Takes lines of JSON and writes them to `output` as people read them: local time, level, message,
 * then the fields. Undefined where pino-pretty is not installed: JSON it is, then.
 */
export function prettyLines(
  output: DestinationStream,
  options: { colorize?: boolean } = {},
): DestinationStream | undefined {
  const pretty = load();
  if (pretty === undefined) return undefined;
  const format = pretty.prettyFactory({
    colorize: pretty.isColorSupported,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    ...options,
  });
  return { write: (line) => output.write(format(JSON.parse(line, escapeText))) };
}

/** In this process and only when there is a terminal: nobody else needs to load it. */
function load(): PinoPretty | undefined {
  try {
    return createRequire(import.meta.url)('pino-pretty');
  } catch {
    return undefined;
  }
}

/** What JSON kept apart by escapes would otherwise reach the terminal as it is. */
function escapeText(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? forTerminal(value) : value;
}

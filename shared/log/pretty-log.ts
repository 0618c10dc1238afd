import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';
import { forTerminal } from './invisible-characters.ts';

type PinoPretty = typeof import('pino-pretty');

/**
 * Returns a stream that takes lines of JSON and writes them to `output` in a readable form: local time,
 * level, message, then the fields. Undefined if pino-pretty is not installed.
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

/** Loaded on demand: only processes with a terminal need it. */
function load(): PinoPretty | undefined {
  try {
    return createRequire(import.meta.url)('pino-pretty');
  } catch {
    return undefined;
  }
}

/** Parsing undoes JSON's escapes, so control characters would reach the terminal. */
function escapeText(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? forTerminal(value) : value;
}

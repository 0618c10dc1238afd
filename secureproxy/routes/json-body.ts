import { ServiceError } from '../../shared/errors.ts';

/**
 * A first look for numbers whose spelling a double would not keep: 16 digits and more, exponents, a
 * last zero behind the point, minus zero. What merely looks like one, as in a string, costs time only.
 */
const oddNumber = /[\d.]{16}|\d[eE][+-]?\d|\.\d*0[\s,\]}]|-0[\s,\]}]/;

interface RawJson {
  rawJSON(text: string): unknown;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
}
// ES2026 "JSON.parse source text access"; TypeScript's library does not describe it yet.
const { rawJSON, parse } = JSON as unknown as RawJson;

/**
 * Parses a JSON request whose `Body` is sent on as JSON: numbers that a double would change keep
 * their spelling (marketplaces number orders beyond 2^53), through `JSON.rawJSON`.
 * @throws ServiceError request_invalid, without a word of the text
 */
export function parseJsonBody(text: string): unknown {
  try {
    return oddNumber.test(text) ? parse(text, keepSpelling) : JSON.parse(text);
  } catch {
    throw new ServiceError('request_invalid', { reason: 'json', detail: 'The body is not JSON.' });
  }
}

/**
 * Writes a parsed value as JSON again.
 * @throws ServiceError request_invalid where it is nested too deeply for that
 */
export function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw new ServiceError('request_invalid', {
      reason: 'json',
      detail: 'The body is nested too deeply.',
    });
  }
}

function keepSpelling(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined) return value;
  return String(value) === source ? value : rawJSON(source);
}

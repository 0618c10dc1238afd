import { ServiceError } from '../../shared/errors.ts';

/**
 * Matches numbers whose spelling a double may not preserve: 16 or more digits, an exponent, a trailing
 * zero after the point, minus zero. A false match, as in a string, costs only time.
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
 * Parses a JSON request whose `Body` is sent on as JSON. `JSON.rawJSON` preserves the spelling of
 * numbers that a double would change, since marketplaces number orders beyond 2^53.
 * @throws ServiceError request_invalid, which quotes nothing of the text
 */
export function parseJsonBody(text: string): unknown {
  try {
    return oddNumber.test(text) ? parse(text, keepSpelling) : JSON.parse(text);
  } catch {
    throw new ServiceError('request_invalid', { reason: 'json', detail: 'The body is not JSON.' });
  }
}

/**
 * Serializes a parsed value.
 * @throws ServiceError request_invalid if it is nested too deeply
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

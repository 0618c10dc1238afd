import { type JsonObject, parseObject } from '../../../shared/schema/json-object.ts';

/** The claims of a JWT that are of use without its key (RFC 7519 §4.1); nothing proves them. */
export interface JwtClaims {
  /** Milliseconds since the Unix epoch, of a claim `exp` that is a time. */
  readonly expiresAtMs: number | undefined;
  readonly all: JsonObject;
}

const form = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*$/;
/** The end of the year 9999; a number above it, such as one of milliseconds, is no time in seconds. */
const maxSeconds = 253_402_300_799;

/** Reads a signed JWT (RFC 7515 §7.1), also behind `Bearer `; undefined for any other text. */
export function readJwt(text: string): JwtClaims | undefined {
  const [, header, payload] = form.exec(text.replace(/^Bearer +/i, '')) ?? [];
  if (header === undefined || payload === undefined) return undefined;
  const read = (part: string) => parseObject(Buffer.from(part, 'base64url').toString('utf8'));
  const all = read(payload);
  if (all === undefined || typeof read(header)?.alg !== 'string') return undefined;
  return { all, expiresAtMs: timeOf(all.exp) };
}

function timeOf(exp: unknown): number | undefined {
  const isTime = typeof exp === 'number' && exp > 0 && exp <= maxSeconds;
  return isTime ? Math.floor(exp) * 1000 : undefined;
}

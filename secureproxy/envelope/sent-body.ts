import { invalid } from './faults.ts';

export interface SentBody {
  readonly bytes: Buffer;
  /** A string is sent as its text, any other value as its JSON; `bytes` are of `BodyBase64`. */
  readonly kind: 'text' | 'bytes' | 'json' | 'null';
}

const quote = 0x22;
const backslash = 0x5c;
const nullBytes = Buffer.from('null');

/** Makes the body of a JSON value's bytes. @throws ServiceError request_invalid if a text cannot be UTF-8 */
export function sentBody(json: Buffer): SentBody {
  if (json[0] !== quote) return { bytes: json, kind: json.equals(nullBytes) ? 'null' : 'json' };
  const spelled = json.subarray(1, -1);
  if (!spelled.includes(backslash)) return { bytes: spelled, kind: 'text' };
  const text: string = JSON.parse(json.toString());
  if (text.isWellFormed()) return { bytes: Buffer.from(text), kind: 'text' };
  throw invalid('not_utf8', 'Body has half of a surrogate pair, which UTF-8 cannot spell.');
}

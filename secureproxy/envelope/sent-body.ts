import type { DecodedText } from './decoded-text.ts';
import { invalid } from './faults.ts';

export interface SentBody {
  readonly bytes: Buffer;
  /** A string is sent as its text, any other value as its JSON; `bytes` are of `BodyBase64`. */
  readonly kind: 'text' | 'bytes' | 'json' | 'null';
}

const nullBytes = Buffer.from('null');

/** @throws ServiceError request_invalid if UTF-8 cannot spell it */
export function textBody({ text, isWellFormed }: DecodedText): SentBody {
  if (isWellFormed) return { bytes: text, kind: 'text' };
  throw invalid('not_utf8', 'Body has half of a surrogate pair, which UTF-8 cannot spell.');
}

export function jsonBody(json: Buffer): SentBody {
  return { bytes: json, kind: json.equals(nullBytes) ? 'null' : 'json' };
}

import { isUtf8 } from 'node:buffer';
import { type DecodedText, decodeText } from './decoded-text.ts';
import { invalid } from './faults.ts';
import { checkHeaderBytes, checkHeaderCount } from './header-limits.ts';
import {
  endOfString,
  endOfValue,
  notJson,
  readString,
  skipBlanks,
  skipColon,
  terminated,
} from './json-scan.ts';
import { jsonBody, textBody } from './sent-body.ts';

const byteOrderMark = Buffer.from('\ufeff');
const openBrace = 0x7b;
const closeBrace = 0x7d;
const comma = 0x2c;
const quote = 0x22;

/** Covers the longest spellings of all members but the two bodies, and is parsed within milliseconds. */
const maxSmallBytes = 512 * 1024;

type Span = readonly [start: number, end: number, decoded: DecodedText | undefined];

/**
 * Parses the JSON of a call. `Body` becomes a `SentBody` of the bytes that came: parsing it would change
 * numbers beyond 2^53, and cost more than the rest of the call. The other members, `BodyBase64` excepted, are
 * small, which is checked before they are parsed. A byte order mark is ignored (RFC 8259 §8.1).
 * @param received belongs to the envelope from now on, also if it throws: both bodies are decoded in its memory
 * @throws ServiceError request_invalid, which quotes nothing of the bytes
 */
export function parseEnvelope(received: Buffer): unknown {
  const mark = received.subarray(0, byteOrderMark.length);
  const text = mark.equals(byteOrderMark) ? received.subarray(mark.length) : received;
  if (!isUtf8(text)) throw invalid('not_utf8', 'The body is not UTF-8.');
  const bytes = terminated(text);
  const start = skipBlanks(bytes, 0);
  if (bytes[start] !== openBrace) return parseOther(bytes, start);
  const large = largeOf(bytes, start);
  let others = '';
  let end = start;
  for (const [from, to] of large.values()) {
    others += `${bytes.toString('utf8', end, from)}null`;
    end = to;
  }
  const envelope = checked(JSON.parse(others + text.toString('utf8', end)));
  for (const [name, [from, to, decoded]] of large) {
    if (name !== 'Body') envelope[name] = decoded?.text.toString();
    else envelope[name] = decoded ? textBody(decoded) : jsonBody(bytes.subarray(from, to));
  }
  return envelope;
}

function checked(envelope: Record<string, unknown>) {
  checkHeaderCount(envelope.Headers);
  return envelope;
}

/** Parses a value that is no object; the schema rejects it. */
function parseOther(bytes: Buffer, start: number): unknown {
  checkEnd(bytes, endOfValue(bytes, start));
  checkSmall(bytes.length - 1);
  return JSON.parse(bytes.toString('utf8', start, bytes.length - 1));
}

/** The members that may be large: `Body`, and `BodyBase64` if it is a string. */
function largeOf(bytes: Buffer, start: number): ReadonlyMap<string, Span> {
  const large = new Map<string, Span>();
  const names = new Set<string>();
  let largeBytes = 0;
  let at = skipBlanks(bytes, start + 1);
  while (names.size > 0 || bytes[at] !== closeBrace) {
    const nameEnd = endOfString(bytes, at);
    checkSmall(nameEnd - largeBytes);
    // `Body` and `B\u006fdy` are one.
    const name = readString(bytes, at, nameEnd);
    const from = skipColon(bytes, nameEnd);
    const isString = bytes[from] === quote;
    const isLarge = name === 'Body' || (name === 'BodyBase64' && isString);
    const decoded = isLarge && isString ? decodeText(bytes, from) : undefined;
    const to = decoded?.end ?? endOfValue(bytes, from, isLarge ? undefined : from + maxSmallBytes);
    if (names.has(name)) throw invalid('duplicate_member', 'The body has a member twice.');
    names.add(name);
    if (name === 'Headers') checkHeaderBytes(to - from);
    if (isLarge) {
      large.set(name, [from, to, decoded]);
      largeBytes += to - from;
    }
    checkSmall(to - largeBytes);
    at = skipBlanks(bytes, to);
    if (bytes[at] === closeBrace) break;
    if (bytes[at] !== comma) throw notJson();
    at = skipBlanks(bytes, at + 1);
  }
  checkEnd(bytes, at + 1);
  return large;
}

function checkEnd(bytes: Buffer, end: number): void {
  if (skipBlanks(bytes, end) !== bytes.length - 1) throw notJson();
}

function checkSmall(smallBytes: number): void {
  if (smallBytes <= maxSmallBytes) return;
  throw invalid(
    'members_limit',
    `The members other than Body and BodyBase64 have more than ${maxSmallBytes} bytes.`,
  );
}

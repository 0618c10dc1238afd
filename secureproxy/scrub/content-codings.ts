import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../../shared/errors.ts';
import { memoizeByText } from '../../shared/memoize.ts';
import type { CallerHeaders } from '../http/request-headers.ts';
import { contentTypeOf, searchableTypes } from './charsets.ts';

const codings = ['gzip', 'deflate', 'br'] as const;
export type Coding = (typeof codings)[number];

/** Partial answers cannot be searched, since a secret may span two of them; answers in some charsets neither. */
const unsearchableHeaders = new Set(['range', 'if-range', 'accept-charset']);

/**
 * Restricts the caller's headers to requests for searchable answers: whole ones, in codings that can be decoded,
 * in charsets that keep ASCII. `Accept-Charset` is deprecated (RFC 9110 §12.5.2).
 */
export function searchableRequest(headers: CallerHeaders): CallerHeaders {
  if (!Object.keys(headers).some(isRestricted)) return headers;
  const sent: [name: string, value: string | readonly string[]][] = [];
  for (const [name, value] of Object.entries(headers)) {
    const read = name.toLowerCase();
    if (unsearchableHeaders.has(read)) continue;
    const restrict = restrictions.get(read);
    sent.push([name, restrict === undefined ? value : restrict(String(value))]);
  }
  // Not set one by one, since that would lose `__proto__`, which is a name like others.
  return Object.fromEntries(sent);
}

/** Reduces `Accept-Encoding` to codings that can be decoded; `q=0` still rejects one. */
function decodable(accepted: string): string {
  const weights = new Map(
    accepted.split(',').map((element) => {
      const [name = '', ...parameters] = element.toLowerCase().split(';');
      const isRejected = parameters.some((one) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/.test(one));
      return [withoutPrefix(name.trim()), !isRejected] as const;
    }),
  );
  const kept = codings.filter((coding) => weights.get(coding) ?? weights.get('*') === true);
  return [...kept, 'identity'].join(', ');
}

const restrictions = new Map([
  ['accept-encoding', memoizeByText(decodable)],
  ['accept', searchableTypes],
]);

const isRestricted = memoizeByText((name) => {
  const read = name.toLowerCase();
  return unsearchableHeaders.has(read) || restrictions.has(read);
});

/** The coding of a body; undefined if it has none. @throws ServiceError if the body cannot be searched */
export function codingOf(headers: IncomingHttpHeaders): Coding | undefined {
  const { 'content-encoding': codingHeader } = headers;
  if (codingHeader === undefined) return undefined;
  const listed = elements(String(codingHeader)).filter((one) => one !== 'identity');
  const [name, ...more] = listed.map(withoutPrefix);
  const coding = codings.find((one) => one === name);
  if (coding !== name || more.length > 0) {
    throw new ServiceError('upstream_invalid', {
      reason: 'content_coding',
      proxyError: 'http_response_content_coding',
      detail: `The answer cannot be searched for the token: its Content-Encoding may only be one of ${codings.join(', ')}.`,
    });
  }
  return coding;
}

function withoutPrefix(coding: string): string {
  return coding === 'x-gzip' ? 'gzip' : coding;
}

/** @throws ServiceError for a partial answer, which was not asked for */
export function checkWhole(status: number, headers: IncomingHttpHeaders): void {
  if (status !== 206 && !hasParts(contentTypeOf(headers))) return;
  throw new ServiceError('upstream_invalid', {
    reason: 'partial_content',
    detail: 'The upstream sent a partial answer, which cannot be searched for the token.',
  });
}

const hasParts = memoizeByText((contentType) =>
  elements(contentType).some((one) => one.startsWith('multipart/byteranges')),
);

function elements(header: string): string[] {
  return header
    .toLowerCase()
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}

import { isCallerKey } from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';
import { containsKey } from './key-search.ts';
import { appKeysIn, decodeAscii, mayHoldKey } from './keys-in-value.ts';
import type { CallerHeaders } from './request-headers.ts';

export interface OutwardRequest {
  readonly url: string;
  readonly headers: CallerHeaders;
  readonly body: Buffer | null;
  /** Set if the caller wrote it as a request, not in an envelope. */
  readonly base?: string | undefined;
}

/**
 * Rejects a request that would take an app key to the marketplace. Searched are the URL, decoded at any
 * depth, names and values of headers, and the body, plain or escaped as in JSON and forms; not what is
 * compressed or encoded in a body.
 * @throws ServiceError request_invalid
 */
export function checkNoAppKey({ url, headers, body, base }: OutwardRequest): void {
  if (urlHoldsKey(url)) throw misplacedKey(base === undefined ? 'ApiUri' : 'The path');
  if (headersHoldKey(headers)) throw misplacedKey('Headers');
  if (body !== null && holdsKey(body)) throw misplacedKey('Body');
}

export function misplacedKey(place: string): ServiceError {
  return new ServiceError('request_invalid', {
    reason: 'app_key_misplaced',
    detail: `${place} contains an app key, which would be sent to the marketplace: send it in a header of the request itself, such as Authorization.`,
  });
}

/** A parameter or a piece of the path may have it in base64, too, as in a header. */
function urlHoldsKey(url: string): boolean {
  if (!mayHoldKey(url)) return false;
  const [path = '', ...query] = url.split('?');
  const values = [...path.split('/'), ...query.join('?').split(/[&=]/)];
  return textHoldsKey(decodeAscii(url)) || values.some((value) => appKeysIn(value).some(isAppKey));
}

function headersHoldKey(headers: CallerHeaders): boolean {
  return Object.entries(headers).some(
    ([name, values]) =>
      nameHoldsKey(name) ||
      (typeof values === 'string' ? valueHoldsKey(values) : values.some(valueHoldsKey)),
  );
}

function valueHoldsKey(value: string): boolean {
  return mayHoldKey(value) && (appKeysIn(value).some(isAppKey) || textHoldsKey(value));
}

/** Case and `_` of a name can change on its way, so that no checksum is left to test. */
function nameHoldsKey(name: string): boolean {
  return name.length > 20 && /spk[_-][0-9a-z]{20}/i.test(decodeAscii(name));
}

const isAppKey = (text: string) => isCallerKey(text, 'spk_');

/** A character, plain or escaped once or more, as JSON strings (`\u0073`) and forms (`%73`) have it. */
const spelled = (plain: string, hex: string) => `(?:${plain}|\\\\+u00${hex}|%(?:25)*${hex})`;
// One backslash: a search that began at each of several would take quadratic time.
const s = String.raw`(?:s|\\u0073|%(?:25)*73)`;
const [p, k, _] = [spelled('p', '70'), spelled('k', '6[bB]'), spelled('_', '5[fF]')];
const letter = spelled('[0-9A-Za-z]', '[3-7][0-9A-Fa-f]');
const cutLetter = (backslashes: string) =>
  `(?:${backslashes}(?:u(?:0(?:0[3-7]?)?)?)?|%(?:25)*[2-7]?)`;
const one = String.raw`\\`;
/** The text's end, if it may be the beginning of a key. */
const begunKey = new RegExp(
  `(?:${s}(?:${p}(?:${k}(?:${_}${letter}{0,35})?)?)?${cutLetter(`${one}+`)}?|${cutLetter(one)})$`,
);

/** Number of characters at the end of a text that may be the beginning of an app key, in any spelling. */
export function begunKeyLength(text: string): number {
  return begunKey.exec(text)?.[0].length ?? 0;
}

/** A native search for several bytes takes longer than the automaton does if the first is everywhere. */
const maxNativeBytes = 64 * 1024;

/** Searches natively at first, since most bodies hold none of what is in every spelling. */
export function holdsKey(bytes: Buffer): boolean {
  const escaped = bytes.length > maxNativeBytes ? '\\' : String.raw`\u00`;
  const isLikely =
    (bytes.includes('k_') && bytes.includes('spk_')) ||
    bytes.includes('%') ||
    bytes.includes(escaped);
  return isLikely && containsKey(bytes);
}

function textHoldsKey(text: string): boolean {
  return containsKey(Buffer.from(text));
}

import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomChars = 30;
const checksumChars = 6;
const boundMark = 'bound';

/** `spk_` for an app, `spx_` for a SecureProxy installation. */
export type KeyPrefix = 'spk_' | 'spx_';

/**
 * Makes a caller's key: the prefix, 30 random base62 characters (178 bits), and the CRC-32 of both as
 * six base62 digits. Secret scanners recognise this form. The key of a bound app begins with `spk_bound`
 * and has 149 random bits; that of no other caller does.
 */
export function makeCallerKey(prefix: KeyPrefix, { isBound = false } = {}): string {
  let text = isBound ? prefix + boundMark : prefix;
  const length = prefix.length + randomChars;
  while (text.length < length) text += alphabet.charAt(randomInt(alphabet.length));
  if (!isBound && isBoundKey(text)) return makeCallerKey(prefix);
  return text + checksum(text);
}

/** True if a text, which may be no key, begins as the key of a bound app. */
export function isBoundKey(text: string): boolean {
  return text.startsWith(`spk_${boundMark}`);
}

/** True if form and checksum are right. Needs no lookup, so floods of made-up keys are cheap to reject. */
export function isCallerKey(text: string, prefix: KeyPrefix): boolean {
  if (text.length !== prefix.length + randomChars + checksumChars) return false;
  if (!text.startsWith(prefix) || !/^[0-9A-Za-z]+$/.test(text.slice(prefix.length))) return false;
  const at = text.length - checksumChars;
  return checksum(text.slice(0, at)) === text.slice(at);
}

export function containsAppKey(text: string): boolean {
  return wellFormedKeysIn(text).some((key) => key.startsWith('spk_'));
}

/** True if the text contains a well-formed key of any caller, so that it must not be logged. */
export function containsCallerKey(text: string): boolean {
  return mark.test(text) && wellFormedKeysIn(text).length > 0;
}

const mark = /sp[kx]_/;

function wellFormedKeysIn(text: string): string[] {
  // By what follows, since one may begin in what merely looks like one.
  return [...text.matchAll(/(?=((spk_|spx_)[0-9A-Za-z]{36}))/g)].flatMap(([, key = '', prefix]) =>
    isCallerKey(key, prefix as KeyPrefix) ? [key] : [],
  );
}

/** The stored form of a key: base64url(SHA-256). Unsalted for lookups, which is safe for 149 random bits. */
export function callerKeyHash(key: string): string {
  return hash('sha256', key, 'base64url');
}

/** A key's name in logs, by its {@link callerKeyHash}: 48 of 256 bits, too few to check guesses against. */
export function keyFingerprint(keyHash: string): string {
  return keyHash.slice(0, 8);
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < checksumChars; i++) {
    digits = alphabet.charAt(rest % alphabet.length) + digits;
    rest = Math.floor(rest / alphabet.length);
  }
  return digits;
}

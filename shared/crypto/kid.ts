import type { KeyObject } from 'node:crypto';

const kidPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** True for the name of a key in a keyring: `[A-Za-z0-9_-]{1,64}`. */
export function isKid(value: unknown): value is string {
  return typeof value === 'string' && kidPattern.test(value);
}

/** Finds a key by its kid; undefined if the keyring has no such key. */
export type KeyLookup = (kid: string) => KeyObject | undefined;

import type { KeyObject } from 'node:crypto';

const kidPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** True for the name of a key in a keyring: `[A-Za-z0-9_-]{1,64}`. */
export function isKid(value: unknown): value is string {
  return typeof value === 'string' && kidPattern.test(value);
}

/** Finds the key of a kid, or undefined where the keyring has none by that name. */
export type KeyLookup = (kid: string) => KeyObject | undefined;

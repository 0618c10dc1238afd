import type { KeyObject } from 'node:crypto';
import { keyBytes } from '../../shared/crypto/aead.ts';
import { deriveKey, type Purpose, purposes } from '../../shared/crypto/derive.ts';
import type { KeyLookup } from '../../shared/crypto/kid.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { readKeyFiles } from './key-files.ts';

/** The at-rest keys by kid. Only the keys derived from them are kept. */
export class Keyring {
  readonly primaryKid: string;
  readonly #keys: ReadonlyMap<string, Readonly<Record<Purpose, KeyObject>>>;

  constructor(primaryKid: string, masters: ReadonlyMap<string, Uint8Array>) {
    this.primaryKid = primaryKid;
    this.#keys = new Map([...masters].map(([kid, master]) => [kid, deriveAll(master)]));
    this.primary('rows');
  }

  /** Finds the key of a kid for one purpose. */
  lookup(purpose: Purpose): KeyLookup {
    return (kid) => this.#keys.get(kid)?.[purpose];
  }

  /** The key for new rows, documents or tickets. */
  primary(purpose: Purpose): KeyObject {
    const keys = this.#keys.get(this.primaryKid);
    if (keys === undefined) throw new RangeError(`the keyring has no key ${this.primaryKid}`);
    return keys[purpose];
  }
}

function deriveAll(master: Uint8Array): Record<Purpose, KeyObject> {
  const entries = (Object.keys(purposes) as Purpose[]).map((purpose) => [
    purpose,
    deriveKey(master, purpose),
  ]);
  return Object.fromEntries(entries);
}

/** Loads `KEYRING_DIR`. @throws ConfigError */
export function loadKeyring(folder: string): Keyring {
  const { primary, keys } = readKeyFiles(folder, '.key', checkLength);
  const keyring = new Keyring(primary, keys);
  for (const bytes of keys.values()) bytes.fill(0);
  return keyring;
}

function checkLength(file: string, bytes: Buffer): Buffer {
  if (bytes.length === keyBytes) return bytes;
  throw new ConfigError([`${file} has ${bytes.length} bytes: an at-rest key has ${keyBytes}`]);
}

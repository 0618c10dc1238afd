import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import {
  createUnwrapper,
  isUsableRsaKey,
  type KeyUnwrapper,
  minModulusBits,
  publicKeyId,
} from '../../shared/crypto/rsa-oaep.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { type KeyFiles, readKeyFiles } from './key-files.ts';

/** The RSA keys. The primary key is published; all keys unwrap. */
export interface RsaKeys {
  readonly primary: { readonly keyId: string; readonly publicKeyPem: string };
  /**
   * Returns the unwrapper of a key id; undefined for an unknown id. Without an id it is that of the primary key, and
   * tries the one before it, too: its sender may have fetched that one.
   */
  unwrapper(keyId: string | undefined): KeyUnwrapper | undefined;
}

interface UnwrappingKey {
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly unwrap: KeyUnwrapper;
}

/** The keys of a folder, which can be replaced while they are in use. */
export class LoadedRsaKeys implements RsaKeys {
  #primary: RsaKeys['primary'];
  #keys: ReadonlyMap<string, UnwrappingKey>;
  #names: ReadonlyMap<string, string>;
  #primaryName: string;
  #previousId: string | undefined;

  private constructor(files: KeyFiles<KeyObject>, keys: readonly UnwrappingKey[]) {
    this.#keys = new Map(keys.map((key) => [key.keyId, key]));
    const names = [...files.keys.keys()];
    this.#names = new Map(keys.map(({ keyId }, i) => [names[i] as string, keyId]));
    this.#primaryName = files.primary;
    const primary = keys[names.indexOf(files.primary)] as UnwrappingKey;
    const publicKey = createPublicKey(primary.privateKey);
    this.#primary = {
      keyId: primary.keyId,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    };
    // Names are dates, so the key before the primary one is the greatest below it.
    const before = names.filter((name) => name < files.primary).sort();
    this.#previousId = keys[names.indexOf(before.at(-1) ?? '')]?.keyId;
  }

  static async of(files: KeyFiles<KeyObject>): Promise<LoadedRsaKeys> {
    return new LoadedRsaKeys(files, await Promise.all([...files.keys.values()].map(importKey)));
  }

  get primary(): RsaKeys['primary'] {
    return this.#primary;
  }

  /** The name of the primary key's file, without its extension. */
  get primaryName(): string {
    return this.#primaryName;
  }

  /** The ids of all keys by the names of their files. */
  get names(): ReadonlyMap<string, string> {
    return this.#names;
  }

  /** The ids of all keys. */
  get keyIds(): string[] {
    return [...this.#keys.keys()];
  }

  unwrapper(keyId: string | undefined): KeyUnwrapper | undefined {
    if (keyId !== undefined) return this.#keys.get(keyId)?.unwrap;
    const primary = this.#keys.get(this.#primary.keyId);
    const previous = this.#keys.get(this.#previousId ?? '');
    return primary && previous ? either(primary.unwrap, previous.unwrap) : primary?.unwrap;
  }

  /** Replaces all keys at once. */
  async take(files: KeyFiles<KeyObject>): Promise<void> {
    const next = await LoadedRsaKeys.of(files);
    const { keyId: before } = this.#primary;
    const hasChanged = next.#primary.keyId !== before;
    this.#keys = next.#keys;
    this.#primary = next.#primary;
    this.#names = next.#names;
    this.#primaryName = next.#primaryName;
    if (hasChanged) this.#previousId = before;
  }
}

async function importKey(privateKey: KeyObject): Promise<UnwrappingKey> {
  const keyId = publicKeyId(createPublicKey(privateKey));
  return { keyId, privateKey, unwrap: await createUnwrapper(privateKey) };
}

function either(first: KeyUnwrapper, second: KeyUnwrapper): KeyUnwrapper {
  return async (wrapped) => {
    try {
      return await first(wrapped);
    } catch {
      return second(wrapped);
    }
  };
}

/** Reads the private keys of `RSA_KEY_DIR`. @throws ConfigError */
export function readRsaKeys(folder: string): KeyFiles<KeyObject> {
  return readKeyFiles(folder, '.pem', parsePem);
}

/** Loads `RSA_KEY_DIR`. @throws ConfigError */
export async function loadRsaKeys(folder: string): Promise<LoadedRsaKeys> {
  return LoadedRsaKeys.of(readRsaKeys(folder));
}

function parsePem(file: string, pem: Buffer): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new ConfigError([`${file} is not a private key in PEM`]);
  }
  if (!isUsableRsaKey(key)) {
    throw new ConfigError([`${file} is not an RSA key of ${minModulusBits} bits or more`]);
  }
  return key;
}

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import {
  createUnwrapper,
  isUsableRsaKey,
  type KeyUnwrapper,
  minModulusBits,
  publicKeyId,
} from '../../shared/crypto/rsa-oaep.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { ofSetting } from '../../shared/settings/faults.ts';
import { type KeyFiles, readKeyFiles } from './key-files.ts';

/** The RSA keys. The primary key is published; all keys unwrap. */
export type RsaKeys = Pick<LoadedRsaKeys, 'primary' | 'unwrapper'>;

interface Loaded extends Pick<LoadedRsaKeys, 'primary' | 'primaryName' | 'names'> {
  readonly unwrappers: ReadonlyMap<string, KeyUnwrapper>;
  readonly previousId: string | undefined;
}

/** The keys of a folder, which can be replaced while they are in use. */
export class LoadedRsaKeys {
  #loaded: Loaded;

  private constructor(loaded: Loaded) {
    this.#loaded = loaded;
  }

  static async of(files: KeyFiles<KeyObject>): Promise<LoadedRsaKeys> {
    return new LoadedRsaKeys(await importAll(files));
  }

  get primary(): { readonly keyId: string; readonly publicKeyPem: string } {
    return this.#loaded.primary;
  }

  /** The name of the primary key's file, without its extension. */
  get primaryName(): string {
    return this.#loaded.primaryName;
  }

  /** The ids of all keys by the names of their files. */
  get names(): ReadonlyMap<string, string> {
    return this.#loaded.names;
  }

  get keyIds(): string[] {
    return [...this.#loaded.unwrappers.keys()];
  }

  /**
   * Returns the unwrapper of a key id; undefined for an unknown id. Without an id it is that of the primary key, and
   * tries the one before it, too: its sender may have fetched that one.
   */
  unwrapper(keyId: string | undefined): KeyUnwrapper | undefined {
    const { unwrappers, primary, previousId = '' } = this.#loaded;
    const unwrap = unwrappers.get(keyId ?? primary.keyId);
    const previous = keyId === undefined ? unwrappers.get(previousId) : undefined;
    return unwrap && previous ? either(unwrap, previous) : unwrap;
  }

  /** Replaces all keys at once. */
  async take(files: KeyFiles<KeyObject>): Promise<void> {
    const next = await importAll(files);
    const { primary, previousId } = this.#loaded;
    const isSame = next.primary.keyId === primary.keyId;
    this.#loaded = { ...next, previousId: isSame ? previousId : primary.keyId };
  }
}

async function importAll({ primary, keys }: KeyFiles<KeyObject>): Promise<Loaded> {
  const imported = [...keys].map(async ([name, privateKey]) => {
    const keyId = publicKeyId(createPublicKey(privateKey));
    return { name, keyId, unwrap: await createUnwrapper(privateKey) };
  });
  const all = await Promise.all(imported);
  const names = new Map(all.map(({ name, keyId }) => [name, keyId]));
  const publicKey = createPublicKey(keys.get(primary) as KeyObject);
  // Names are dates, so the key before the primary one is the greatest below it.
  const before = [...names.keys()].filter((name) => name < primary).sort();
  return {
    primary: {
      keyId: names.get(primary) as string,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    },
    primaryName: primary,
    names,
    unwrappers: new Map(all.map(({ keyId, unwrap }) => [keyId, unwrap])),
    previousId: names.get(before.at(-1) ?? ''),
  };
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
  return LoadedRsaKeys.of(ofSetting('RSA_KEY_DIR', () => readRsaKeys(folder)));
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

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import {
  createUnwrapper,
  isUsableRsaKey,
  type KeyUnwrapper,
  minModulusBits,
  publicKeyId,
} from '../../shared/crypto/key-wrap.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { type KeyFiles, readKeyFiles } from './key-files.ts';

/** The RSA keys. The primary key is published; all keys unwrap. */
export interface RsaKeys {
  readonly primary: { readonly keyId: string; readonly publicKeyPem: string };
  /** Returns the unwrapper of a key id, or of the primary key if no id is given; undefined for an unknown id. */
  unwrapper(keyId: string | undefined): KeyUnwrapper | undefined;
}

/** Reads the private keys of `RSA_KEY_DIR`. @throws ConfigError */
export function readRsaKeys(folder: string): KeyFiles<KeyObject> {
  return readKeyFiles(folder, '.pem', parsePem);
}

/** Loads `RSA_KEY_DIR`. @throws ConfigError */
export async function loadRsaKeys(folder: string): Promise<RsaKeys> {
  const { primary, keys } = readRsaKeys(folder);
  const unwrappers = new Map<string, KeyUnwrapper>();
  let published: RsaKeys['primary'] | undefined;
  for (const [name, privateKey] of keys) {
    const publicKey = createPublicKey(privateKey);
    const keyId = publicKeyId(publicKey);
    unwrappers.set(keyId, await createUnwrapper(privateKey));
    if (name === primary) {
      published = {
        keyId,
        publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
      };
    }
  }
  if (published === undefined) throw new ConfigError([`${folder} has no primary key`]);
  const { keyId: primaryId } = published;
  return { primary: published, unwrapper: (keyId = primaryId) => unwrappers.get(keyId) };
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

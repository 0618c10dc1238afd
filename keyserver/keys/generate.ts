import { generateKeyPair, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keyBytes } from '../../shared/crypto/aead.ts';
import { ConfigError } from '../../shared/settings/config.ts';

const rsaBits = 3072;

/**
 * True if the folder has no key file and no `primary`, or does not exist.
 * @throws ConfigError if it cannot be read, which does not mean that it is empty
 */
export function isKeyFolderEmpty(folder: string): boolean {
  try {
    return !readdirSync(folder).some((name) => /^primary$|\.(?:key|pem)$/.test(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    throw new ConfigError([`cannot read ${folder} (${code})`]);
  }
}

/** Generates a first at-rest key; returns its name, the date. @throws ConfigError if it cannot be written */
export function generateKeyring(folder: string, now: Date): string {
  return writeFirstKey(folder, now, '.key', makeAtRestKey());
}

/** Generates a first RSA key of 3072 bits; returns its name, the date. @throws ConfigError if it cannot be written */
export async function generateRsaKey(folder: string, now: Date): Promise<string> {
  return writeFirstKey(folder, now, '.pem', await makeRsaKey());
}

export function makeAtRestKey(): Buffer {
  return randomBytes(keyBytes);
}

export async function makeRsaKey(): Promise<Buffer> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: rsaBits });
  return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

function writeFirstKey(folder: string, now: Date, extension: string, content: Buffer): string {
  const name = now.toISOString().slice(0, 10);
  // `wx` never overwrites a key. `primary` is written last, so an incomplete folder is detected.
  const written: string[] = [];
  const write = (file: string, bytes: Buffer | string) => {
    const path = join(folder, file);
    const opened = openSync(path, 'wx', 0o600);
    written.push(path);
    try {
      writeFileSync(opened, bytes, { flush: true });
    } finally {
      closeSync(opened);
    }
  };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    write(name + extension, content);
    write('primary', `${name}\n`);
    return name;
  } catch (error) {
    // A file that a full disk cut short would be taken for a key, and no other would be made.
    for (const path of written) rmSync(path, { force: true });
    throw new ConfigError([
      `cannot write a key to ${folder} (${(error as NodeJS.ErrnoException).code})`,
    ]);
  }
}

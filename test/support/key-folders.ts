import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A new RSA private key in PEM; 2048 bits make faster than the 3072 of the real ones. */
export function rsaPem(modulusLength = 2048): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

let shared: string | undefined;

/** A key that others use as well, since each takes a while: of the whole run (`TEST_RSA_KEY`), or of this process. */
export function sharedRsaPem(): string {
  const { TEST_RSA_KEY: file } = process.env;
  shared ??= file === undefined ? rsaPem() : readFileSync(file, 'utf8');
  return shared;
}

/** Writes a folder of key files as operators have it: `primary` names the first one. */
export function writeKeyFolder(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  primary = Object.keys(files)[0]?.replace(/\.\w+$/, ''),
): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  }
  if (primary !== undefined) writeFileSync(join(folder, 'primary'), `${primary}\n`);
  return folder;
}

/** Writes a folder with one new at-rest key. */
export function writeKeyring(folder: string, kid = 'k1'): string {
  return writeKeyFolder(folder, { [`${kid}.key`]: randomBytes(32) });
}

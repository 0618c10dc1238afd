import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerIdentity } from './certificates.ts';

/** Paths of a certificate, its key and a CA, as settings name them. */
export interface IdentityPaths {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

function paths(folder: string): IdentityPaths {
  return {
    cert: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
    ca: join(folder, 'ca.crt'),
  };
}

/** Writes the files of an identity, the key for its owner alone. */
export function writeIdentity(
  folder: string,
  { cert, key }: ServerIdentity,
  ca = '',
): IdentityPaths {
  mkdirSync(folder, { recursive: true });
  const files = paths(folder);
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  writeFileSync(files.ca, ca);
  return files;
}

/**
 * Mounts an identity as Kubernetes does: the files are links into `..data`, which is a link to a
 * folder of its own for each version, put in place in one step.
 */
export function mountIdentity(
  folder: string,
  version: string,
  identity: ServerIdentity,
  ca = '',
): IdentityPaths {
  writeIdentity(join(folder, version), identity, ca);
  symlinkSync(version, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  const files = paths(folder);
  if (version === '..v1') {
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) {
      symlinkSync(join('..data', name), join(folder, name));
    }
  }
  return files;
}

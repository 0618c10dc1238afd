import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../settings/config.ts';
import { faultsOf, loadAll, ofSetting } from '../settings/faults.ts';
import { readPrivateFile, readTrustedFile } from '../settings/private-file.ts';
import { certificateBlocks, hasBrokenBlock } from './pem.ts';

/** Paths of PEM files; a certificate and its key go together. */
export interface TlsFiles {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** CAs that may have issued the other side's certificate. */
  readonly ca: string | undefined;
  /** The settings that name them; faults begin with these. */
  readonly settings?: Readonly<Record<Kind, string>>;
}

const kinds = ['cert', 'key', 'ca'] as const;
type Kind = (typeof kinds)[number];

/** Contents of the files, as options of `node:tls`. */
export type TlsMaterial = { readonly [kind in Kind]?: string | undefined };

/** Older versions are neither offered nor accepted (RFC 8996). */
export const minTlsVersion = 'TLSv1.2';

function readTlsFile(files: TlsFiles, kind: Kind): string | undefined {
  const file = files[kind];
  if (file === undefined) return undefined;
  const read = () =>
    kind === 'key' ? readPrivateFile(file).toString('utf8') : readTrustedFile(file);
  return loading(files, kind, read);
}

/** Reads the files without checking their contents. @throws ConfigError if one cannot be read, others can read the key or change another */
export function readTlsFiles(files: TlsFiles): TlsMaterial {
  const [cert, key, ca] = loadAll(kinds.map((kind) => () => readTlsFile(files, kind)));
  return { cert, key, ca };
}

/** @throws ConfigError if a file is not a PEM file of its kind, or the key is not the certificate's */
export function checkTlsMaterial(material: TlsMaterial, files: TlsFiles): void {
  const { cert, key, ca } = material;
  const checking =
    <T>(kind: Kind, text: string | undefined, parse: (text: string, file: string) => T) =>
    () =>
      text === undefined ? undefined : loading(files, kind, () => parse(text, String(files[kind])));
  const [leaf, privateKey] = loadAll([
    checking('cert', cert, parseCertificate),
    checking('key', key, (pem, file) =>
      orFault(`${file} is not an unencrypted private key`, () => createPrivateKey(pem)),
    ),
    checking('ca', ca, checkCertificates),
  ]);
  if (leaf && privateKey && !leaf.checkPrivateKey(privateKey)) {
    loading(files, 'key', () => {
      throw new ConfigError([`${files.key} is not the key of the certificate in ${files.cert}`]);
    });
  }
  // Finds faults in the rest of a chain, and keys that are too weak for OpenSSL.
  const kind = files.cert === undefined ? 'ca' : 'cert';
  loading(files, kind, () =>
    orFault(`${files[kind]} cannot be used for TLS`, () =>
      createSecureContext({ ...material, minVersion: minTlsVersion }),
    ),
  );
}

/** Reads a file of certificates. @throws ConfigError if it cannot be read, others can change it or it has none */
export function readCaFile(file: string): string {
  const pem = readTrustedFile(file);
  checkCertificates(pem, file);
  return pem;
}

function loading<T>({ settings }: TlsFiles, kind: Kind, load: () => T): T {
  return settings === undefined ? load() : ofSetting(settings[kind], load);
}

/** As much of the files as can be read, and all faults: one that cannot be read does not hide those of the others. */
export function examineTlsFiles(files: TlsFiles): {
  readonly material: TlsMaterial;
  readonly faults: readonly string[];
} {
  const material: { -readonly [kind in Kind]?: string | undefined } = {};
  const unreadable = kinds.flatMap((kind) =>
    faultsOf(() => {
      material[kind] = readTlsFile(files, kind);
    }),
  );
  return {
    material,
    faults: [...unreadable, ...faultsOf(() => checkTlsMaterial(material, files))],
  };
}

/** Expiry of the certificate (ISO 8601); undefined if there is none. */
export function expiryOf({ cert }: TlsMaterial): string | undefined {
  return cert === undefined ? undefined : new X509Certificate(cert).validToDate.toISOString();
}

function checkCertificates(pem: string, file: string): void {
  const blocks = certificateBlocks(pem);
  if (blocks.length === 0) throw new ConfigError([`${file} holds no certificate`]);
  if (hasBrokenBlock(pem)) throw new ConfigError([`a certificate in ${file} is truncated`]);
  for (const block of blocks) parseCertificate(block, file);
}

function parseCertificate(pem: string, file: string): X509Certificate {
  return orFault(`${file} holds no certificate`, () => new X509Certificate(pem));
}

function orFault<T>(fault: string, attempt: () => T): T {
  try {
    return attempt();
  } catch {
    // OpenSSL's message is less helpful than the fault, and could quote the file.
    throw new ConfigError([fault]);
  }
}

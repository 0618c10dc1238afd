import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../settings/config.ts';
import { readOrFault, readPrivateFile } from '../settings/private-file.ts';

/** Paths of PEM files; a certificate and its key go together. */
export interface TlsFiles {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** CAs that the other side's certificate is checked by. */
  readonly ca: string | undefined;
}

/** What the files hold, as `node:tls` takes it. */
export interface TlsMaterial {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** Older versions are neither offered nor taken (RFC 8996). */
export const minTlsVersion = 'TLSv1.2';

/** Reads the files as they are. @throws ConfigError where one cannot be read, or others can read the key */
export function readTlsFiles({ cert, key, ca }: TlsFiles): TlsMaterial {
  return {
    ...(cert === undefined ? {} : { cert: readText(cert) }),
    ...(key === undefined ? {} : { key: readPrivateFile(key).toString('utf8') }),
    ...(ca === undefined ? {} : { ca: readText(ca) }),
  };
}

/** @throws ConfigError where a file is no PEM of its kind, or the key is not the certificate's */
export function checkTlsMaterial(material: TlsMaterial, files: TlsFiles): void {
  const { cert, key, ca } = material;
  if (ca !== undefined) {
    const blocks = ca.match(certificateBlock) ?? [];
    if (blocks.length === 0) throw new ConfigError([`${files.ca} holds no certificate`]);
    for (const block of blocks) parseCertificate(block, files.ca);
  }
  if (cert !== undefined && key !== undefined) {
    const leaf = parseCertificate(cert, files.cert);
    const privateKey = orFault(`${files.key} is no private key without a passphrase`, () =>
      createPrivateKey(key),
    );
    if (!leaf.checkPrivateKey(privateKey)) {
      throw new ConfigError([`${files.key} is not the key of the certificate in ${files.cert}`]);
    }
  }
  // The rest of a chain, and keys too weak for OpenSSL.
  orFault(`${files.cert ?? files.ca} cannot be used for TLS`, () =>
    createSecureContext({ ...material, minVersion: minTlsVersion }),
  );
}

/** When the certificate ends; undefined where there is none. */
export function expiryOf({ cert }: TlsMaterial): string | undefined {
  return cert === undefined ? undefined : new X509Certificate(cert).validToDate.toISOString();
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function parseCertificate(pem: string, file: string | undefined): X509Certificate {
  return orFault(`${file} holds no certificate`, () => new X509Certificate(pem));
}

function readText(file: string): string {
  return readOrFault(file, () => readFileSync(file, 'utf8'));
}

function orFault<T>(fault: string, attempt: () => T): T {
  try {
    return attempt();
  } catch {
    // OpenSSL's text says less than the fault, and could quote the file.
    throw new ConfigError([fault]);
  }
}

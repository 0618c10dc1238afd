// The X.509 library's injection framework asks for this polyfill, first of all.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { createAuthority as createLocalAuthority } from '../../local/certificate.ts';

/** A server's certificate with its private key, PEM, as `node:tls` takes them. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface IssueOptions {
  /** DNS names and IP addresses; default `localhost`. */
  readonly names?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A CA that is made for a test. */
export interface Authority {
  /** Its own certificate, PEM. */
  readonly ca: string;
  issue(options?: IssueOptions): Promise<ServerIdentity>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

/** So many days from now. */
export function days(count: number): Date {
  return new Date(Date.now() + count * dayMs);
}

export async function createAuthority(): Promise<Authority> {
  const { ca, issue } = await createLocalAuthority('Test CA', new Date());
  return {
    ca,
    issue: async ({ names = ['localhost'], notBefore = days(-1), notAfter = days(7) } = {}) => {
      const { certificate, privateKey } = await issue(names, { notBefore, notAfter });
      return { cert: certificate, key: privateKey };
    },
  };
}

export interface SelfSignedOptions {
  /** Subject as RFC 4514 writes it; default `CN=localhost`. */
  readonly subject?: string;
  /** Subject alternative names; default the DNS name `localhost`. */
  readonly alternatives?: readonly { type: 'dns' | 'url' | 'ip' | 'email'; value: string }[];
  /** For clients, which servers may not show (RFC 5280 §4.2.1.12). */
  readonly clientOnly?: boolean;
}

/** A certificate that vouches for itself. */
export async function selfSigned({
  subject = 'CN=localhost',
  alternatives = [{ type: 'dns', value: 'localhost' }],
  clientOnly = false,
}: SelfSignedOptions = {}): Promise<ServerIdentity> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: subject,
    keys,
    signingAlgorithm: algorithm,
    notBefore: days(-1),
    notAfter: days(7),
    extensions: [
      ...(alternatives.length === 0
        ? []
        : [new SubjectAlternativeNameExtension([...alternatives])]),
      ...(clientOnly ? [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])] : []),
    ],
  });
  return { cert: certificate.toString('pem'), key: await pemOf(keys.privateKey) };
}

/** A certificate for `localhost` of a CA that may issue for `other.example` alone (RFC 5280 §4.2.1.10). */
export async function beyondConstraints(): Promise<ServerIdentity & { readonly ca: string }> {
  const [ofCa, ofServer] = await Promise.all([generateKeys(), generateKeys()]);
  const validity = { notBefore: days(-1), notAfter: days(7), signingAlgorithm: algorithm };
  const subtree = Buffer.from('\x82\x0dother.example', 'latin1');
  const wrapped = [0x30, 0xa0, 0x30].reduce(
    (inner, tag) => Buffer.concat([Buffer.from([tag, inner.length]), inner]),
    subtree,
  );
  const ca = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Constrained CA',
    keys: ofCa,
    ...validity,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new Extension('2.5.29.30', true, wrapped),
    ],
  });
  const certificate = await X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: 'CN=Constrained CA',
    publicKey: ofServer.publicKey,
    signingKey: ofCa.privateKey,
    ...validity,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  return {
    cert: certificate.toString('pem'),
    key: await pemOf(ofServer.privateKey),
    ca: ca.toString('pem'),
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

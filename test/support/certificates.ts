// The X.509 library's injection framework asks for this polyfill, first of all.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
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
}

/** A certificate that vouches for itself. */
export async function selfSigned({
  subject = 'CN=localhost',
  alternatives = [{ type: 'dns', value: 'localhost' }],
}: SelfSignedOptions = {}): Promise<ServerIdentity> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: subject,
    keys,
    signingAlgorithm: algorithm,
    notBefore: days(-1),
    notAfter: days(7),
    extensions:
      alternatives.length === 0 ? [] : [new SubjectAlternativeNameExtension([...alternatives])],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: certificate.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') };
}

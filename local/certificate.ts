// The X.509 library needs this polyfill before it is imported.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

/** A certificate's period of validity. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A certificate with its private key, PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly privateKey: string;
}

/** A server's certificate and its CA's certificate. */
export interface ServerCertificate extends Certificate {
  readonly ca: string;
}

/** A CA (RFC 5280, P-256) whose private key stays in memory. */
export interface Authority {
  /** The CA's certificate, PEM. */
  readonly ca: string;
  /** Issues a server's certificate for these host names and addresses. */
  issue(hosts: readonly string[], validity?: Validity): Promise<Certificate>;
}

/** From a day before `now`, because clocks differ, until 30 days after it. */
function around(now: Date): Validity {
  return {
    notBefore: new Date(now.getTime() - dayMs),
    notAfter: new Date(now.getTime() + 30 * dayMs),
  };
}

/** Makes a certificate for `localhost`, issued by a new CA. */
export async function makeLocalhostCertificate(now: Date): Promise<ServerCertificate> {
  const { ca, issue } = await createAuthority('Demo marketplace CA', now);
  return { ca, ...(await issue(['localhost'])) };
}

export async function createAuthority(commonName: string, now: Date): Promise<Authority> {
  const name = `CN=${commonName}`;
  const keys = await generateKeys();
  const ca = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: algorithm,
    ...around(now),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    ca: ca.toString('pem'),
    issue: async (hosts, validity = around(now)) => {
      const server = await generateKeys();
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${hosts[0]}`,
        issuer: name,
        publicKey: server.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        ...validity,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new SubjectAlternativeNameExtension(
            hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
          ),
        ],
      });
      return {
        certificate: certificate.toString('pem'),
        privateKey: await toPem(server.privateKey),
      };
    },
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

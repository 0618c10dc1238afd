import { certificatesOf, subjectOf } from '../../../shared/tls/pem.ts';

/** Eight bytes tell CAs of one name apart. */
const fingerprintChars = 23;

/** The certificates of a type's CA by name, with the first bytes of their SHA-256 fingerprints. */
export function describeCa(ca: string): string {
  return certificatesOf(ca)
    .map((one) => `${subjectOf(one)} (${one.fingerprint256.slice(0, fingerprintChars)})`)
    .join('; ');
}

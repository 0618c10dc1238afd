import { X509Certificate } from 'node:crypto';

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const block = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g;

/** The PEM blocks of a text, whatever they hold, without the text around them (RFC 7468 §2). */
export function pemBlocks(text: string): string[] {
  return text.match(block) ?? [];
}

/** Whether a block has no end or holds a dash, as an encrypted key does: {@link pemBlocks} would leave it out. */
export function hasBrokenBlock(text: string): boolean {
  return (text.match(/-----BEGIN /g) ?? []).length !== pemBlocks(text).length;
}

/** The PEM blocks of certificates alone; they may not parse. */
export function certificateBlocks(text: string): string[] {
  return text.match(certificate) ?? [];
}

/** The certificates of a PEM text. @throws OpenSSL's error if one does not parse */
export function certificatesOf(pem: string): X509Certificate[] {
  return certificateBlocks(pem).map((text) => new X509Certificate(text));
}

/** The subject of a certificate in one line; its alternative names if the subject is empty (RFC 5280 §4.2.1.6). */
export function subjectOf({
  subject,
  subjectAltName,
}: {
  /** Node returns undefined for an empty subject, which its types leave out. */
  readonly subject: string | undefined;
  readonly subjectAltName: string | undefined;
}): string {
  return subject?.replaceAll('\n', ', ') || subjectAltName || 'no subject';
}

import { X509Certificate } from 'node:crypto';
import { certificateBlocks, subjectOf } from './pem.ts';

const dayMs = 86_400_000;
/** Days ahead of the end of a certificate or a token at which it is warned of. */
const warnedDays = [30, 7, 1] as const;

/** The smallest of the warned days that an end, milliseconds since the Unix epoch, is within; undefined if none. */
export function warnedWithin(
  endMs: number,
  nowMs: number,
): (typeof warnedDays)[number] | undefined {
  return warnedDays.findLast((days) => endMs - nowMs <= days * dayMs);
}

export function inLessThan(days: number): string {
  return `in less than ${days === 1 ? 'a day' : `${days} days`}`;
}

/** A certificate and the setting that names its file; for the other side's, what it is. */
export interface NamedCertificate {
  readonly name: string;
  readonly pem: string;
}

export interface ExpiryFinding {
  readonly severity: 'fault' | 'warning';
  /** One sentence, with the certificate's name and the date. */
  readonly sentence: string;
  /** ISO 8601. */
  readonly expiresAt: string;
  /** The smallest of the warned days that it ends within; 0 if it is not valid now. */
  readonly withinDays: number;
}

/** Looks at every certificate of a PEM text: a chain is only as good as each of it. */
export function expiryFindings({ name, pem }: NamedCertificate, nowMs: number): ExpiryFinding[] {
  return readableCertificates(pem).flatMap((certificate) => judge(name, certificate, nowMs) ?? []);
}

/** Reports on certificates: which end when, and those that are not valid now or not for long. */
export function certificateReport(certificates: readonly NamedCertificate[], nowMs: number) {
  const findings = certificates.flatMap((one) => expiryFindings(one, nowMs));
  const ends = [...certificateEnds(certificates)].map(
    ([name, end]) => `${name} until ${new Date(end).toISOString()}`,
  );
  const isFault = findings.some(({ severity }) => severity === 'fault');
  return {
    severity: isFault ? ('fault' as const) : ('warning' as const),
    sentences: findings.map(({ sentence }) => sentence),
    /** Each name with the first end of its certificates. */
    summary: ends.length === 0 ? 'none' : ends.join(', '),
  };
}

/** The first end of the certificates of each name, milliseconds since the Unix epoch. */
export function certificateEnds(certificates: readonly NamedCertificate[]): Map<string, number> {
  const ends = new Map<string, number>();
  for (const { name, pem } of certificates) {
    for (const { validToDate } of readableCertificates(pem)) {
      ends.set(name, Math.min(ends.get(name) ?? Infinity, validToDate.getTime()));
    }
  }
  return ends;
}

function judge(
  name: string,
  certificate: X509Certificate,
  nowMs: number,
): ExpiryFinding | undefined {
  const { validToDate, validFromDate } = certificate;
  const endMs = validToDate.getTime();
  const expiresAt = validToDate.toISOString();
  const whose = `the certificate of ${name} (${subjectOf(certificate)})`;
  const fault =
    endMs <= nowMs
      ? `ended on ${expiresAt}`
      : validFromDate.getTime() > nowMs && `is not valid before ${validFromDate.toISOString()}`;
  if (fault) return { severity: 'fault', sentence: `${whose} ${fault}`, expiresAt, withinDays: 0 };
  const withinDays = warnedWithin(endMs, nowMs);
  if (withinDays === undefined) return undefined;
  const sentence = `${whose} ends on ${expiresAt}, ${inLessThan(withinDays)}`;
  return { severity: 'warning', sentence, expiresAt, withinDays };
}

function readableCertificates(pem: string): X509Certificate[] {
  return certificateBlocks(pem).flatMap((text) => {
    try {
      return [new X509Certificate(text)];
    } catch {
      // Its use fails, and says so.
      return [];
    }
  });
}

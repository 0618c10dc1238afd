import type { X509Certificate } from 'node:crypto';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { systemClock } from '../clock.ts';
import { Repeats } from '../log/repeats.ts';

/**
 * The names that a certificate speaks for: its DNS names and URIs, in lower case where letters do
 * not count; its common name only where it has neither (RFC 9525 §2, RFC 6125 §6.4.4).
 */
export function certificateNames(certificate: X509Certificate): string[] {
  const names: string[] = [];
  for (const [, kind, text = ''] of (certificate.subjectAltName ?? '').matchAll(alternativeName)) {
    // Node quotes what could be taken for two names.
    const name = text.startsWith('"') ? String(JSON.parse(text)) : text;
    if (kind === 'DNS') names.push(name.toLowerCase());
    if (kind === 'URI') names.push(name);
  }
  if (names.length > 0) return names;
  const { CN } = certificate.toLegacyObject().subject;
  return CN === undefined ? [] : [String(CN).toLowerCase()];
}

const alternativeName = /([\w ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy;

/** Ends every connection whose certificate has none of these names, before a request is read from it. */
export function allowClientNames(server: Server, allowed: readonly string[], log: Logger): void {
  const known = new Set(allowed);
  const repeats = new Repeats(systemClock);
  // First of all: the HTTP parser is a listener, too.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const certificate = socket.getPeerX509Certificate();
    const names = certificate === undefined ? [] : certificateNames(certificate);
    if (names.some((name) => known.has(name))) return;
    socket.destroy();
    if (repeats.isNew(names.join())) {
      log.warn({ names }, 'connection refused: its certificate has no name of TLS_CLIENT_NAMES');
    }
  });
}

/** Names of `TLS_CLIENT_NAMES`, as {@link certificateNames} gives them. */
export function parseClientNames(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => (name.includes(':') ? name : name.toLowerCase()));
}

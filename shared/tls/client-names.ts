import type { X509Certificate } from 'node:crypto';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { systemClock } from '../clock.ts';
import { Repeats } from '../log/repeats.ts';
import { memoize } from '../memoize.ts';
import { commaList } from '../settings/comma-list.ts';

/**
 * Returns the names of a certificate's subject: its DNS names, in lower case, and URIs; its common name
 * only if it has neither (RFC 9525 §2, RFC 6125 §6.4.4).
 */
export function certificateNames(certificate: X509Certificate): string[] {
  const names: string[] = [];
  for (const [, kind, text = ''] of (certificate.subjectAltName ?? '').matchAll(alternativeName)) {
    // Node quotes a name that could be read as two.
    const name = text.startsWith('"') ? String(JSON.parse(text)) : text;
    if (kind === 'DNS') names.push(name.toLowerCase());
    if (kind === 'URI') names.push(name);
  }
  if (names.length > 0) return names;
  const { CN } = certificate.toLegacyObject().subject;
  return CN === undefined ? [] : [String(CN).toLowerCase()];
}

/** The names of the verified certificate of a connection's client; empty if there is none. */
export const peerNames = memoize((socket: Socket): readonly string[] => {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return [];
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? [] : certificateNames(certificate);
});

const alternativeName = /([\w ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy;

/** Closes every connection whose certificate has none of these names, before a request is read from it. */
export function allowClientNames(server: Server, allowed: readonly string[], log: Logger): void {
  const known = new Set(allowed);
  const repeats = new Repeats(systemClock);
  // Prepended, so that it runs before the HTTP parser's listener.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const certificate = socket.getPeerX509Certificate();
    const names = certificate === undefined ? [] : certificateNames(certificate);
    if (names.some((name) => known.has(name))) return;
    const address = socket.remoteAddress;
    socket.destroy();
    if (repeats.isNew(names.join())) {
      log.warn(
        { 'client.address': address, names },
        'connection refused: its certificate has no name of TLS_CLIENT_NAMES',
      );
    }
  });
}

/** Parses `TLS_CLIENT_NAMES` to names in the form of {@link certificateNames}. */
export function parseClientNames(list: string): string[] {
  return commaList(list).map((name) => (name.includes(':') ? name : name.toLowerCase()));
}

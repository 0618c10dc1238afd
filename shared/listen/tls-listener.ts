import type { Server, ServerOptions } from 'node:https';
import type { Logger } from 'pino';
import { systemClock } from '../clock.ts';
import { Repeats } from '../log/repeats.ts';
import { allowClientNames, parseClientNames } from '../tls/client-names.ts';
import type { NamedCertificate } from '../tls/expiry.ts';
import { minTlsVersion, type TlsMaterial } from '../tls/files.ts';
import { ReloadedTls } from '../tls/reload.ts';
import { type ListenerConfig, listenerTlsFiles } from './listener-settings.ts';

/** Limits how long a caller can hold a connection without completing the handshake. */
const handshakeTimeoutMs = 10_000;

/** TLS of a listener, whose files may change while it listens. */
export class TlsListener {
  /** Options for creating the server that is then passed to {@link attach}. */
  readonly options: ServerOptions;
  readonly #tls: ReloadedTls;
  readonly #clientNames: readonly string[];
  readonly #log: Logger;

  private constructor(tls: ReloadedTls, config: ListenerConfig, log: Logger) {
    const isMutual = config.TLS_CLIENT_CA_FILE !== undefined;
    this.#tls = tls;
    this.#clientNames = parseClientNames(config.TLS_CLIENT_NAMES);
    this.#log = log;
    this.options = {
      ...tls.current,
      minVersion: minTlsVersion,
      requestCert: isMutual,
      rejectUnauthorized: isMutual,
      handshakeTimeout: handshakeTimeoutMs,
    };
  }

  /** Undefined if the settings name no certificate. @throws ConfigError */
  static open(config: ListenerConfig, log: Logger): TlsListener | undefined {
    if (config.TLS_CERT_FILE === undefined) return undefined;
    return new TlsListener(new ReloadedTls(listenerTlsFiles(config), log), config, log);
  }

  /** The certificates in use, by the settings that name their files. */
  get certificates(): NamedCertificate[] {
    return listenerCertificates(this.#tls.current);
  }

  /** Keeps the server's certificate up to date with the files, and admits only clients with an allowed name. */
  attach(server: Server): void {
    this.#tls.use((material) =>
      server.setSecureContext({ ...material, minVersion: minTlsVersion }),
    );
    if (this.#clientNames.length > 0) allowClientNames(server, this.#clientNames, this.#log);
    const repeats = new Repeats(systemClock);
    server.on('tlsClientError', ({ code: error }: NodeJS.ErrnoException, socket) => {
      // A certificate that is refused, such as one that has ended, shows as a connection that we reset.
      const code = socket.authorizationError ? String(socket.authorizationError) : error;
      // Load balancers that only check whether the port is open disconnect here.
      if (code === 'ECONNRESET' || !repeats.isNew(String(code))) return;
      this.#log.info(
        { 'error.type': code, 'client.address': socket.remoteAddress },
        'TLS handshake failed',
      );
    });
    this.#tls.start();
    server.once('close', () => this.#tls.stop());
  }
}

/** The certificates of a listener, by the settings that name their files. */
export function listenerCertificates({ cert = '', ca = '' }: TlsMaterial): NamedCertificate[] {
  return [
    { name: 'TLS_CERT_FILE', pem: cert },
    { name: 'TLS_CLIENT_CA_FILE', pem: ca },
  ];
}

import type { buildConnector } from 'undici';
import { AddressGuard, type AddressGuardOptions } from './address-guard.ts';
import { connectTimeout, lookupTimeout } from './connect-errors.ts';
import { dial } from './dial.ts';
import { handshakeWith } from './handshake.ts';
import { portOf } from './own-listeners.ts';

export interface ConnectorOptions extends AddressGuardOptions {
  /** Limit of all steps together: name, connection, TLS handshake. */
  readonly connectTimeoutMs: number;
  /** Certificates of all trusted CAs, PEM; undefined: the public ones. */
  readonly ca: readonly string[] | undefined;
}

/**
 * Builds a connector to one origin, whatever undici asks for. All addresses of its host are judged as it
 * connects, a single bad one rejects the call, and only judged addresses are dialled, never a name.
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const { origin, ca, connectTimeoutMs } = options;
  const guard = new AddressGuard(options);
  const secure = origin.protocol === 'https:' ? handshakeWith(guard.hostname, ca) : undefined;
  return (_target, callback) => {
    const abort = new AbortController();
    const expired = Promise.withResolvers<never>();
    let timeoutError: () => Error = lookupTimeout;
    const timer = setTimeout(() => {
      expired.reject(timeoutError());
      abort.abort();
    }, connectTimeoutMs);
    const open = async () => {
      const addresses = await guard.checkHost();
      timeoutError = connectTimeout;
      const socket = await dial(addresses, portOf(origin), abort.signal);
      return secure === undefined ? socket : secure(socket);
    };
    Promise.race([open(), expired.promise])
      .finally(() => clearTimeout(timer))
      .then(
        (socket) => callback(null, socket),
        (error) => callback(error, null),
      );
  };
}

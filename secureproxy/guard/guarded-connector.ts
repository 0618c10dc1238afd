import type { LookupAddress, LookupOptions } from 'node:dns';
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { AddressGuard, type AddressGuardOptions } from './address-guard.ts';

export interface ConnectorOptions extends AddressGuardOptions {
  readonly connectTimeoutMs: number;
  /** Certificates of all trusted CAs, PEM; undefined: the public ones. */
  readonly ca: readonly string[] | undefined;
}

/**
 * Builds a connector that judges every address at connect time: all of the resolver's answers, of
 * which a single bad one rejects the call; an IP literal, which `lookup` never sees; and finally the
 * peer's address. The judged address is the one that is dialled.
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const guard = new AddressGuard(options);
  const dial = buildConnector({
    // HTTP/1.1 only, until HTTP/2 has been shown to leak nothing.
    allowH2: false,
    timeout: options.connectTimeoutMs,
    // Explicit, so that no environment variable can switch it off.
    rejectUnauthorized: true,
    ...(options.ca ? { ca: [...options.ca] } : {}),
    lookup: (name: string, lookupOptions: LookupOptions, done: LookupCallback) => {
      guard.resolve(name, lookupOptions).then(
        (found) => answer(found, lookupOptions, done),
        (error) => done(error, []),
      );
    },
  } as buildConnector.BuildOptions);
  return async (target, callback) => {
    try {
      await guard.checkLiteral();
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    dial(target, (...[error, socket]) => {
      if (error) callback(error, null);
      else confirm(socket, guard, callback);
    });
  };
}

type LookupCallback = (
  error: Error | null,
  address: LookupAddress[] | string,
  family?: number,
) => void;

function answer(found: LookupAddress[], { all }: LookupOptions, done: LookupCallback): void {
  const [first] = found;
  if (all || first === undefined) done(null, found);
  else done(null, first.address, first.family);
}

/** Judges the peer's address, as the socket reports it. */
function confirm(socket: Socket, guard: AddressGuard, callback: buildConnector.Callback): void {
  const { remoteAddress } = socket;
  try {
    if (remoteAddress === undefined) {
      throw Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' });
    }
    guard.checkAddress(remoteAddress);
  } catch (error) {
    socket.destroy();
    callback(error as Error, null);
    return;
  }
  callback(null, socket);
}

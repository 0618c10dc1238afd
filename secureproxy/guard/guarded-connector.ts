import type { LookupAddress, LookupOptions } from 'node:dns';
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { AddressGuard, type AddressGuardOptions } from './address-guard.ts';

export interface ConnectorOptions extends AddressGuardOptions {
  readonly timeoutMs: number;
  /** Certificates of all trusted CAs, PEM; undefined: the public ones. */
  readonly ca: readonly string[] | undefined;
}

/**
 * A connector that judges every address at connect time: all answers of the resolver, where one
 * bad one refuses the call; IP literals, which no `lookup` ever sees; and the address that was
 * reached in the end. What was judged is what is dialled.
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const guard = new AddressGuard(options);
  const dial = buildConnector({
    // HTTP/1.1 only, until HTTP/2 has been shown to leak nothing.
    allowH2: false,
    timeout: options.timeoutMs,
    // Named, so that no environment variable can switch it off.
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
    } catch (refusal) {
      callback(refusal as Error, null);
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

/** The last look: the peer's address as the socket has it. */
function confirm(socket: Socket, guard: AddressGuard, callback: buildConnector.Callback): void {
  const { remoteAddress } = socket;
  if (remoteAddress === undefined) {
    // Closed again already, so that nothing can be judged.
    socket.destroy();
    callback(Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' }), null);
    return;
  }
  try {
    guard.checkAddress(remoteAddress);
  } catch (refusal) {
    socket.destroy();
    callback(refusal as Error, null);
    return;
  }
  callback(null, socket);
}

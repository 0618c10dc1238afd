import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { ServiceError } from '../shared/errors.ts';
import type { AddressSet } from '../shared/policy/address-set.ts';
import { addressVerdict } from './address-verdict.ts';
import type { OwnListeners } from './own-listeners.ts';

/** Resolves a name to all its addresses, as `dns.lookup` with `all: true` does. */
export type Lookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface ConnectorOptions {
  /** The one origin that is dialled. */
  readonly origin: URL;
  readonly allowed: AddressSet;
  readonly ownListeners: OwnListeners;
  readonly timeoutMs: number;
  /** Certificates of all trusted CAs, PEM; undefined: the public ones. */
  readonly ca: readonly string[] | undefined;
  readonly lookup?: Lookup;
}

/**
 * A connector that judges every address at connect time: all answers of the resolver, where one
 * bad one refuses the call; IP literals, which no `lookup` ever sees; and the address that was
 * reached in the end. What was judged is what is dialled.
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const { origin, allowed, ownListeners, lookup = systemLookup } = options;
  const port = Number(origin.port || (origin.protocol === 'https:' ? 443 : 80));
  const literal = origin.hostname.replace(/[[\]]/g, '');
  const judge = async (addresses: readonly string[]) => {
    for (const address of addresses) {
      const verdict = addressVerdict(address, allowed);
      if (verdict !== undefined) throw addressDenied(verdict);
      if (await ownListeners.includes(address, port)) throw addressDenied('own_listener');
    }
  };
  const dial = buildConnector({
    // HTTP/1.1 only, until HTTP/2 has been shown to leak nothing.
    allowH2: false,
    timeout: options.timeoutMs,
    // Named, so that no environment variable can switch it off.
    rejectUnauthorized: true,
    ...(options.ca ? { ca: [...options.ca] } : {}),
    lookup: (name: string, lookupOptions: LookupOptions, done: LookupCallback) => {
      lookup(name, { ...lookupOptions, all: true }, (error, found) => {
        if (error) {
          done(error, []);
          return;
        }
        judge(found.map(({ address }) => address)).then(
          () => answer(name, found, lookupOptions, done),
          (refusal) => done(refusal, []),
        );
      });
    },
  } as buildConnector.BuildOptions);
  return async (target, callback) => {
    try {
      if (isIP(literal) !== 0) await judge([literal]);
    } catch (refusal) {
      callback(refusal as Error, null);
      return;
    }
    dial(target, (...[error, socket]) => {
      if (error) callback(error, null);
      else confirm(socket, allowed, callback);
    });
  };
}

type LookupCallback = (
  error: Error | null,
  address: LookupAddress[] | string,
  family?: number,
) => void;

function answer(
  name: string,
  found: LookupAddress[],
  { all }: LookupOptions,
  done: LookupCallback,
): void {
  const [first] = found;
  // Node's own dialling would throw on an empty list.
  if (first === undefined) done(Object.assign(new Error(`no address of ${name}`), notFound), []);
  else if (all) done(null, found);
  else done(null, first.address, first.family);
}

const notFound = { code: 'ENOTFOUND' };

/** The last look: the peer's address as the socket has it. */
function confirm(socket: Socket, allowed: AddressSet, callback: buildConnector.Callback): void {
  const { remoteAddress } = socket;
  if (remoteAddress === undefined) {
    // Closed again already, so that nothing can be judged.
    socket.destroy();
    callback(Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' }), null);
    return;
  }
  const verdict = addressVerdict(remoteAddress, allowed);
  if (verdict === undefined) {
    callback(null, socket);
    return;
  }
  socket.destroy();
  callback(addressDenied(verdict), null);
}

function addressDenied(verdict: string): ServiceError {
  return new ServiceError('destination_denied', {
    reason: `address_${verdict}`,
    detail: `The host resolves to an address of a kind that tokens are not sent to (${verdict}).`,
    proxyError: 'destination_ip_prohibited',
  });
}

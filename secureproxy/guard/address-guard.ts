import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';
import { ServiceError } from '../../shared/errors.ts';
import type { AddressSet } from '../../shared/policy/address-set.ts';
import { addressVerdict } from './address-verdict.ts';
import { type OwnListeners, portOf } from './own-listeners.ts';

/** Resolves a name to all its addresses, as `dns.lookup` with `all: true` does. */
export type Lookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface AddressGuardOptions {
  /** The origin whose addresses are judged. */
  readonly origin: URL;
  readonly allowed: AddressSet;
  readonly ownListeners: OwnListeners;
  /** Undefined: the system's resolver. */
  readonly lookup?: Lookup | undefined;
}

/** Judges the addresses of one origin, for connections and for explanations. */
export class AddressGuard {
  readonly #options: AddressGuardOptions;
  /** The host if it is an IP address, which no resolver ever sees; else undefined. */
  readonly #literal: string | undefined;
  readonly #port: number;

  constructor(options: AddressGuardOptions) {
    const bare = options.origin.hostname.replace(/^\[|\]$/g, '');
    this.#options = options;
    this.#literal = isIP(bare) === 0 ? undefined : bare;
    this.#port = portOf(options.origin);
  }

  /** Judges the host if it is an IP address. @throws ServiceError destination_denied */
  async checkLiteral(): Promise<void> {
    if (this.#literal !== undefined) await this.#checkAll([this.#literal]);
  }

  /**
   * Resolves a name. A single bad address among the answers rejects the call.
   * @throws ServiceError destination_denied; the resolver's own error
   */
  async resolve(name: string, options: LookupOptions = {}): Promise<LookupAddress[]> {
    const { lookup = systemLookup } = this.#options;
    const found = await new Promise<LookupAddress[]>((resolve, reject) => {
      lookup(name, { ...options, all: true }, (error, addresses) =>
        error ? reject(error) : resolve(addresses),
      );
    });
    // Node's connect would throw on an empty list.
    if (found.length === 0) throw Object.assign(new Error(`no address of ${name}`), notFound);
    await this.#checkAll(found.map(({ address }) => address));
    return found;
  }

  /** Judges the host, name or IP address, without connecting. @throws ServiceError; the resolver's own error */
  async checkHost(): Promise<void> {
    await this.checkLiteral();
    if (this.#literal === undefined) await this.resolve(this.#options.origin.hostname);
  }

  /** Judges one address. @throws ServiceError destination_denied */
  checkAddress(address: string): void {
    const verdict = addressVerdict(address, this.#options.allowed);
    if (verdict !== undefined) throw addressDenied(verdict);
  }

  async #checkAll(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      this.checkAddress(address);
      if (await this.#options.ownListeners.includes(address, this.#port)) {
        throw addressDenied('own_listener');
      }
    }
  }
}

const notFound = { code: 'ENOTFOUND' };

function addressDenied(verdict: string): ServiceError {
  return new ServiceError('destination_denied', {
    reason: `address_${verdict}`,
    detail: `The host resolves to an address that tokens must not be sent to (${verdict}).`,
    proxyError: 'destination_ip_prohibited',
  });
}

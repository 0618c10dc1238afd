import type { AddressSet } from '../../shared/address/address-set.ts';
import { addressVerdict } from '../../shared/address/address-verdict.ts';
import { hostAddress } from '../../shared/address/host-address.ts';
import { ServiceError } from '../../shared/errors.ts';
import { lookupError } from './connect-errors.ts';
import type { Lookup } from './lookup.ts';
import { type OwnListeners, portOf } from './own-listeners.ts';

export interface AddressGuardOptions {
  readonly origin: URL;
  readonly allowed: AddressSet;
  readonly ownListeners: OwnListeners;
  readonly lookup: Lookup;
}

/** Judges the addresses of one origin, for connections and for explanations. */
export class AddressGuard {
  readonly #options: AddressGuardOptions;
  /** The origin's host, an IPv6 address without its brackets. */
  readonly hostname: string;
  readonly #address: string | undefined;

  constructor(options: AddressGuardOptions) {
    this.#options = options;
    this.#address = hostAddress(options.origin.hostname);
    this.hostname = this.#address ?? options.origin.hostname;
  }

  /**
   * Returns the host's addresses, which are allowed; a single bad one rejects all. An IP address, which no
   * resolver ever sees, is judged itself.
   * @throws ServiceError destination_denied; upstream_unreachable or upstream_timeout if the name does not resolve
   */
  async checkHost(): Promise<readonly string[]> {
    const { origin, allowed, lookup, ownListeners } = this.#options;
    const unresolved = (cause: unknown): never => {
      throw lookupError(cause);
    };
    const found =
      this.#address === undefined ? await lookup(this.hostname).catch(unresolved) : [this.#address];
    if (found.length === 0) throw lookupError(new Error(`no address of ${this.hostname}`));
    for (const address of found) {
      const verdict = addressVerdict(address, allowed);
      if (verdict !== undefined) throw addressDenied(verdict);
      const isOwn = await ownListeners.includes(address, portOf(origin)).catch(unresolved);
      if (isOwn) throw addressDenied('own_listener');
    }
    return found;
  }
}

function addressDenied(verdict: string): ServiceError {
  return new ServiceError('destination_denied', {
    reason: `address_${verdict}`,
    detail: `The host resolves to an address that tokens must not be sent to (${verdict}).`,
    proxyError: 'destination_ip_prohibited',
  });
}

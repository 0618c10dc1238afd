import type { AddressSet } from '../../shared/address/address-set.ts';
import { addressVerdict } from '../../shared/address/address-verdict.ts';
import { hostAddress } from '../../shared/address/host-address.ts';
import { ServiceError } from '../../shared/errors.ts';
import { lookupError } from './connect-errors.ts';
import type { Lookup } from './lookup.ts';
import { type OwnListeners, portOf } from './own-listeners.ts';

export interface AddressGuardOptions {
  /** The origin whose addresses are judged. */
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
  /** The host, if it is an address. */
  readonly #address: string | undefined;
  readonly #port: number;

  constructor(options: AddressGuardOptions) {
    this.#options = options;
    this.#address = hostAddress(options.origin.hostname);
    this.hostname = this.#address ?? options.origin.hostname;
    this.#port = portOf(options.origin);
  }

  /**
   * Returns the host's addresses, which are allowed; a single bad one rejects all. An IP address, which no
   * resolver ever sees, is judged itself.
   * @throws ServiceError destination_denied; upstream_unreachable or upstream_timeout if the name does not resolve
   */
  async checkHost(): Promise<readonly string[]> {
    const found = await this.#resolve();
    if (found.length === 0) throw lookupError(new Error(`no address of ${this.hostname}`));
    for (const address of found) {
      const verdict = addressVerdict(address, this.#options.allowed);
      if (verdict !== undefined) throw addressDenied(verdict);
      if (await this.#isOwnListener(address)) throw addressDenied('own_listener');
    }
    return found;
  }

  async #resolve(): Promise<readonly string[]> {
    if (this.#address !== undefined) return [this.#address];
    try {
      return await this.#options.lookup(this.hostname);
    } catch (error) {
      throw lookupError(error);
    }
  }

  async #isOwnListener(address: string): Promise<boolean> {
    try {
      return await this.#options.ownListeners.includes(address, this.#port);
    } catch (error) {
      throw lookupError(error);
    }
  }
}

function addressDenied(verdict: string): ServiceError {
  return new ServiceError('destination_denied', {
    reason: `address_${verdict}`,
    detail: `The host resolves to an address that tokens must not be sent to (${verdict}).`,
    proxyError: 'destination_ip_prohibited',
  });
}

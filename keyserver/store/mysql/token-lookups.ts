import type { TokenContext } from '../../../shared/crypto/token-row.ts';
import type { TokenRow } from '../store.ts';

/** Finds the rows of several names at once: for each in its place, what {@link Store.findTokens} gives. */
type FindAll = (names: readonly TokenContext[]) => Promise<TokenRow[][]>;

interface Lookup {
  readonly name: TokenContext;
  readonly found: PromiseWithResolvers<TokenRow[]>;
}

/** Longer statements hardly cost less a name. */
const maxTogether = 32;

/** Looks names up together that are asked for in one turn of the event loop: a round trip for all of them. */
export class TokenLookups {
  readonly #findAll: FindAll;
  #waiting: Lookup[] = [];

  constructor(findAll: FindAll) {
    this.#findAll = findAll;
  }

  /** Rejects as `findAll` does, for all that were looked up together. */
  find(name: TokenContext): Promise<TokenRow[]> {
    const found = Promise.withResolvers<TokenRow[]>();
    if (this.#waiting.push({ name, found }) === 1) setImmediate(() => this.#sendAll());
    return found.promise;
  }

  #sendAll(): void {
    const lookups = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < lookups.length; from += maxTogether) {
      void this.#send(lookups.slice(from, from + maxTogether));
    }
  }

  async #send(lookups: readonly Lookup[]): Promise<void> {
    try {
      const rows = await this.#findAll(lookups.map(({ name }) => name));
      for (const [i, { found }] of lookups.entries()) found.resolve(rows[i] ?? []);
    } catch (error) {
      for (const { found } of lookups) found.reject(error);
    }
  }
}

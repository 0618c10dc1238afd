import type { TokenContext } from '../../../shared/crypto/token-row.ts';
import type { TokenRow } from '../store.ts';

/** Resolves to one list per name, in the same order, each as {@link Store.findTokens} has it. */
type FindAll = (names: readonly TokenContext[]) => Promise<TokenRow[][]>;

interface Lookup {
  readonly name: TokenContext;
  readonly found: PromiseWithResolvers<TokenRow[]>;
}

/** Beyond this, longer statements save hardly anything per name. */
const maxBatch = 32;

/** Batches the lookups of one event-loop turn into one round trip. */
export class TokenLookups {
  readonly #findAll: FindAll;
  #waiting: Lookup[] = [];

  constructor(findAll: FindAll) {
    this.#findAll = findAll;
  }

  /** If `findAll` rejects, every lookup of the batch does. */
  find(name: TokenContext): Promise<TokenRow[]> {
    const found = Promise.withResolvers<TokenRow[]>();
    if (this.#waiting.push({ name, found }) === 1) setImmediate(() => this.#sendAll());
    return found.promise;
  }

  #sendAll(): void {
    const lookups = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < lookups.length; from += maxBatch) {
      void this.#send(lookups.slice(from, from + maxBatch));
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

import type { TokenContext } from '../../../shared/crypto/token-row.ts';
import { chunks } from '../sql-lists.ts';
import type { TokenRow } from '../store.ts';

/** Resolves to one list per name, in the same order, each as {@link Store.findTokens} has it. */
type FindAll = (names: readonly TokenContext[]) => Promise<TokenRow[][]>;

interface Lookup {
  readonly name: TokenContext;
  readonly found: PromiseWithResolvers<TokenRow[]>;
}

/** Beyond this, longer statements save hardly anything per name. */
const maxBatch = 32;

/** Batches the lookups of one event-loop turn into one round trip; if that rejects, so do all of them. */
export function coalesced(findAll: FindAll): (name: TokenContext) => Promise<TokenRow[]> {
  let waiting: Lookup[] = [];
  const send = async (lookups: readonly Lookup[]) => {
    try {
      const rows = await findAll(lookups.map(({ name }) => name));
      for (const [i, { found }] of lookups.entries()) found.resolve(rows[i] ?? []);
    } catch (error) {
      for (const { found } of lookups) found.reject(error);
    }
  };
  const sendAll = () => {
    const lookups = waiting;
    waiting = [];
    for (const some of chunks(lookups, maxBatch)) void send(some);
  };
  return (name) => {
    const found = Promise.withResolvers<TokenRow[]>();
    if (waiting.push({ name, found }) === 1) setImmediate(sendAll);
    return found.promise;
  };
}

import { copiedTokens, copyNewTokens, createLegacyCopy } from './legacy-copy.ts';
import type { Outcome, SqlCoroutine } from './statements.ts';
import type { Store } from './store.ts';
import { type PagedTable, tokenPages } from './token-pages.ts';
import { repeatedTokens } from './token-statements.ts';
import { swapTokens } from './token-swaps.ts';

/** The part of a store that a walk over the whole token table needs. */
export interface WalkedStore extends PagedTable {
  change<T>(steps: () => SqlCoroutine<Outcome<T>>): Promise<T>;
}

/** The part of both stores that walks over the whole token table. */
export function tableWalk(walked: WalkedStore) {
  const { dialect, key, read, change } = walked;
  return {
    tokenPages: () => tokenPages(walked),
    async swapTokens(swaps, options) {
      const columns = await key();
      return change(() => swapTokens(dialect, columns, swaps, options));
    },
    repeatedTokens: (limit) => read(() => repeatedTokens(dialect, limit)),

    createLegacyCopy: () => read(() => createLegacyCopy(dialect)),
    copyTokens: (rows) => change(() => copyNewTokens(dialect, rows)),
    copiedTokens: (names) => read(() => copiedTokens(dialect, names)),
  } satisfies Partial<Store>;
}

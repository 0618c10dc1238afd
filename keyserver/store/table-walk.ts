import { copiedTokens, copyNewTokens, createLegacyCopy } from './legacy-copy.ts';
import type { Dialect, Outcome, SqlCoroutine } from './statements.ts';
import type { Store } from './store.ts';
import { pageAfter, swapTokens, type TableKey, tokenPages, unplacedPages } from './token-pages.ts';
import { repeatedTokens } from './token-statements.ts';

/** The part of a store that a walk over the whole token table needs. */
export interface WalkedStore extends Pick<Store, 'listTokens'> {
  readonly dialect: Dialect;
  /** The table's primary key; undefined if it has none that can be walked along. */
  key(): Promise<TableKey | undefined>;
  read<T>(steps: () => SqlCoroutine<T>): Promise<T>;
  change<T>(steps: () => SqlCoroutine<Outcome<T>>): Promise<T>;
}

/** The part of both stores that walks over the whole token table. */
export function tableWalk({ dialect, key, read, change, listTokens }: WalkedStore) {
  return {
    async *tokenPages() {
      const columns = await key();
      if (columns === undefined) yield* unplacedPages(listTokens());
      else
        yield* tokenPages((after, limit) => read(() => pageAfter(dialect, columns, after, limit)));
    },
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

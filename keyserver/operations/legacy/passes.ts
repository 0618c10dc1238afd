import type { PlacedToken, Store, SwapOptions, TokenRow, TokenSwap } from '../../store/store.ts';
import { Pace } from '../keys/pace.ts';
import type { TokenName } from '../suggestion.ts';

/** Names that are kept of a group, since a wrong key leaves every row. */
const maxNames = 100;

/** Why a row is left as it is; `reason` is stable, since scripts decide by it. */
export interface Left {
  readonly reason: string;
  /** The end of a sentence on the row; it never quotes a secret. */
  readonly fault: string;
}

export interface LeftGroup extends Left {
  readonly rows: number;
  /** Of the first {@link maxNames} rows. */
  readonly names: readonly TokenName[];
}

/** Collects rows that are left, in memory that does not grow with their number. */
export class LeftRows {
  readonly #groups = new Map<string, Left & { rows: number; names: TokenName[] }>();

  add({ clientId: client, tokenType: type }: TokenRow, { reason, fault }: Left): void {
    const group = this.#groups.get(fault) ?? { reason, fault, rows: 0, names: [] };
    this.#groups.set(fault, group);
    group.rows += 1;
    if (group.names.length < maxNames) group.names.push({ client, type });
  }

  groups(): readonly LeftGroup[] {
    return [...this.#groups.values()];
  }
}

/** Passes over the table, each for what was written behind the one before. */
const maxPasses = 10;

/** Chooses the swaps of a page's rows, and adds those that it leaves to `left`. */
type Choose = (page: readonly PlacedToken[], left: LeftRows) => Promise<readonly TokenSwap[]>;

interface PassOptions extends SwapOptions {
  readonly begin: () => Promise<Choose>;
  readonly onSwapped: (rows: number) => void;
  readonly pause: (ms: number) => Promise<unknown>;
}

/**
 * Swaps rows, pass after pass, until one finds nothing to swap; stops all the same if others never stop writing. Resolves
 * to the number of swapped rows, of those that others changed in the last pass before they were swapped, and to those left.
 */
export async function swapInPasses(store: Store, options: PassOptions) {
  const { begin, onSwapped, pause, keepsOld } = options;
  const pace = new Pace(pause);
  let swapped = 0;
  for (let passes = 1; ; passes += 1) {
    const choose = await begin();
    const left = new LeftRows();
    const before = swapped;
    let chosen = 0;
    for await (const page of store.tokenPages()) {
      const swaps = await choose(page, left);
      chosen += swaps.length;
      await pace.run(swaps, async (batch) => {
        const outcome = await store.swapTokens(batch, { keepsOld });
        swapped += outcome.filter(Boolean).length;
        onSwapped(swapped);
        return outcome;
      });
    }
    if (chosen === 0 || passes === maxPasses) {
      return { swapped, unsettled: chosen - (swapped - before), left: left.groups() };
    }
  }
}

import type { PlacedToken, TokenSwap } from '../../store/store.ts';
import type { Progress } from '../bulk/progress.ts';
import type { OperationContext } from '../context.ts';
import { type LegacyOptions, planContext } from './check.ts';
import { type LeftGroup, LeftRows } from './left-rows.ts';
import { type PlanContext, planRow } from './plan.ts';

export interface TakenOver {
  /** Rows that this run sealed. */
  readonly sealed: number;
  /** Rows that somebody else changed meanwhile, time and again. */
  readonly unsettled: number;
  readonly left: readonly LeftGroup[];
  /** The table of the rows as they were; undefined if no row was ready. */
  readonly copy: string | undefined;
}

/** Passes over the table, each for what was written behind the one before. */
const maxPasses = 10;

/**
 * Seals the rows of the earlier system. All that are ready are copied first; then each is sealed if it still has the
 * bytes that were read, and copied again in the same transaction. So a run can be cut off at any point and repeated,
 * beside another run and beside calls; what is written meanwhile is taken as it is by then.
 * @throws ConfigError, OperationError as planContext; StoreError
 */
export async function takeOver(
  context: OperationContext,
  options: LegacyOptions,
  progress: Progress,
): Promise<TakenOver> {
  const { store } = context;
  const planning = await planContext(context, options);
  const copy = await copyRows(context, planning, progress);
  let sealed = 0;
  for (let passes = 1; ; passes += 1) {
    const left = new LeftRows();
    let ready = 0;
    for await (const page of store.tokenPages()) {
      const swaps = readySwaps(planning, page, left);
      if (swaps.length === 0) continue;
      ready += swaps.length;
      const swapped = await store.swapTokens(swaps, { keepsOld: true });
      sealed += swapped.filter(Boolean).length;
      progress('sealed', sealed);
    }
    if (ready === 0 || passes === maxPasses) {
      return { sealed, unsettled: ready, left: left.groups(), copy };
    }
  }
}

async function copyRows(
  { store }: OperationContext,
  planning: PlanContext,
  progress: Progress,
): Promise<string | undefined> {
  let copy: string | undefined;
  let copied = 0;
  for await (const page of store.tokenPages()) {
    const ready = readySwaps(planning, page).map(({ row }) => row);
    if (ready.length === 0) continue;
    copy ??= await store.createLegacyCopy();
    await store.copyTokens(ready);
    copied += ready.length;
    progress('copied', copied);
  }
  return copy;
}

function readySwaps(
  planning: PlanContext,
  page: readonly PlacedToken[],
  left?: LeftRows,
): TokenSwap[] {
  return page.flatMap((row) => {
    const plan = planRow(planning, row);
    if (plan.is === 'left') left?.add(row, plan);
    return plan.is === 'ready' ? [{ row, token: plan.token }] : [];
  });
}

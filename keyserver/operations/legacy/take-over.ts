import { setTimeout as sleep } from 'node:timers/promises';
import type { PlacedToken, TokenSwap } from '../../store/store.ts';
import type { Progress } from '../bulk/progress.ts';
import type { OperationContext } from '../context.ts';
import { checkLoaded } from '../keys/check-loaded.ts';
import { planContext } from './check.ts';
import { type LeftRows, swapInPasses } from './passes.ts';
import { type LegacyOptions, type PlanContext, planRow } from './plan.ts';

/**
 * Seals the rows of the earlier system. All that are ready are copied first; then each is sealed if it still has the
 * bytes that were read, and copied again in the same transaction. So a run can be cut off at any point and repeated,
 * beside another run and beside calls; what is written meanwhile is taken as it is by then. Resolves as swapInPasses
 * does, and to the table of the rows as they were; undefined if no row was ready.
 * @throws ConfigError, OperationError as planContext; OperationError not_confirmed if a KeyServer has not loaded the
 * primary key; StoreError
 */
export async function takeOver(
  context: OperationContext,
  options: LegacyOptions,
  progress: Progress,
  pause: (ms: number) => Promise<unknown> = sleep,
) {
  const { store } = context;
  const planning = await planContext(context, options);
  await checkLoaded(context);
  let copy = await copyRows(context, planning, progress);
  const { swapped, ...rest } = await swapInPasses(store, {
    keepsOld: true,
    pause,
    begin: async () => {
      const planned = await planContext(context, options);
      return async (page, left) => {
        const swaps = readySwaps(planned, page, left);
        // The first row may have come since the rows were copied.
        if (swaps.length > 0) copy ??= await store.createLegacyCopy();
        return swaps;
      };
    },
    onSwapped: (sealed) => progress('sealed', sealed),
  });
  return { sealed: swapped, ...rest, copy };
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

import type { Clock } from '../../shared/clock.ts';
import type { Primary } from '../../shared/process/primary.ts';
import type { Answer } from '../../shared/process/workers.ts';

const question = 'daily turn';
/** Less than a day, since workers do not wake at the same second. */
const turnMs = 23 * 3_600_000;

/** Adds to the primary process's answers whether a worker has the turn, which one of them has each day. */
export function withDailyTurn(answer: Answer, clock: Pick<Clock, 'monotonic'>): Answer {
  let takenAt = -Infinity;
  return (asked) => {
    if (asked !== question) return answer(asked);
    const isFree = clock.monotonic() - takenAt >= turnMs;
    if (isFree) takenAt = clock.monotonic();
    return isFree;
  };
}

/** Resolves to whether this process has the turn; without a primary process it always has. */
export async function hasDailyTurn(primary: Pick<Primary, 'ask'> | undefined): Promise<boolean> {
  return primary === undefined || (await primary.ask(question)) === true;
}

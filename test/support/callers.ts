import { setTimeout as sleep } from 'node:timers/promises';
import type { CallMembers } from './pair.ts';

/** Short beside any moment in which a call could fail, yet it leaves the cores to the services. */
const usualPauseMs = 100;

/** Callers that call all the time, each for a client of its own, so that none shares a fetch. */
export interface Callers {
  /** Statuses of finished calls, counted; 0 stands for no answer at all. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Ends them and resolves once their last calls are done. */
  stop(): Promise<void>;
}

/** Starts one caller for each of these clients. */
export function startCallers(
  pair: { call(members: CallMembers): Promise<Response> },
  clients: readonly string[],
  pauseMs = usualPauseMs,
): Callers {
  const statuses = new Map<number, number>();
  let running = true;
  const run = async (ClientId: string) => {
    while (running) {
      const status = await statusOf(pair.call({ ClientId }));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await sleep(pauseMs);
    }
  };
  const all = Promise.all(clients.map(run));
  return {
    statuses,
    async stop() {
      running = false;
      await all;
    },
  };
}

async function statusOf(call: Promise<Response>): Promise<number> {
  try {
    const answer = await call;
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

let waiting: (() => void)[] = [];

/**
 * Batches requests: calls back for all that wait together, on the next `setImmediate`, when all ready input has been
 * read. The batch then advances step by step. Run to completion one by one, requests would evict each other's code from
 * the processor's caches: with sixteen concurrent callers a release by ticket would cost KeyServer nearly twice as much.
 * @param run must not throw
 */
export function inNextBatch(run: () => void): void {
  if (waiting.length === 0) setImmediate(runBatch);
  waiting.push(run);
}

function runBatch(): void {
  const batch = waiting;
  waiting = [];
  for (const run of batch) run();
}

/** Resolves in the next batch. */
export function nextBatch(): Promise<void> {
  return new Promise(inNextBatch);
}

let pending: Promise<void> | undefined;

/**
 * Batches requests: resolves for all waiting requests together, on the next `setImmediate`, when all
 * ready input has been read. The batch then advances step by step. Run to completion one by one, requests
 * would evict each other's code from the processor's caches: with sixteen concurrent callers a release by
 * ticket would cost KeyServer nearly twice as much.
 */
export function nextBatch(): Promise<void> {
  pending ??= new Promise((resolve) => {
    setImmediate(() => {
      pending = undefined;
      resolve();
    });
  });
  return pending;
}

import { ClusterRegistry, type Registry } from '@prometheus-io/client';
import type { Primary } from './primary.ts';
import type { Answer } from './workers.ts';

const question = 'metrics';
/** Busy workers answer late; scrapers wait for ten seconds. */
const timeoutMs = 5000;

/** Adds the sums of all workers' metrics to the primary process's answers; call it before any worker starts. */
export function withMetrics(answer: Answer | undefined): Answer {
  const workers = new ClusterRegistry();
  return (asked) => (asked === question ? workers.clusterMetrics() : answer?.(asked));
}

/**
 * Returns how a worker writes the sums of all workers' metrics.
 * @throws Error if a worker does not answer in time
 */
export function sumsOfWorkers(registry: Registry, primary: Primary): () => Promise<string> {
  ClusterRegistry.setRegistries(registry);
  // Makes this worker answer the primary process.
  new ClusterRegistry();
  return async () => String(await primary.ask(question, timeoutMs));
}

import type { Costs } from './costs.ts';
import type { Deployment } from './simulate.ts';

/** How much of each part's time may be work: what is left takes a lost machine, and keeps queues short. */
export const wantedUtilisation = 0.6;
/** One more than what the loss of one leaves none of. */
const fewest = 2;
/** Each SecureProxy asks for changes so often, which costs KeyServer about a release. */
const changesPerSecond = 1;
const usPerSecond = 1e6;

/** What a deployment takes to stay at {@link wantedUtilisation} for so many calls a second. */
export function sizeFor(
  costs: Costs,
  rate: number,
  hitRatio: number,
): Pick<Deployment, 'proxies' | 'keyservers' | 'databases'> {
  const workers = (usEachSecond: number) =>
    Math.max(fewest, Math.ceil(usEachSecond / usPerSecond / wantedUtilisation));
  const misses = rate * (1 - hitRatio);
  const proxies = workers((rate - misses) * costs.proxyHit + misses * costs.proxyMiss);
  return {
    proxies,
    keyservers: workers((misses + proxies * changesPerSecond) * costs.keyserver),
    databases: workers(misses * costs.database),
  };
}

import { baseCalls } from '../cases/case.ts';
import type { LoadOrder, LoadOutcome } from '../load/order.ts';
import { orderLoad } from '../measure/measure.ts';
import type { Order } from '../pair/calls.ts';
import { concurrency } from '../pair/system.ts';
import { type FigureContext, figure } from './figure.ts';

/** Enough that no call waits for a connection. */
const openConnections = 256;

/**
 * Latency of warm calls at half the maximum rate of 16 callers, sent whether or not earlier calls were
 * answered. Each round measures the rate anew. The peer gets the same rate, which shows the machine's part.
 */
export async function measureHalfTop(context: FigureContext) {
  const { load, warmProxy, peer, seconds, rounds } = context;
  const order = baseCalls(context, { to: warmProxy });
  const peerOrder = baseCalls(context, { to: peer });
  const run = (to: () => Order, more: Pick<LoadOrder, 'concurrency' | 'ratePerSecond'>) =>
    orderLoad(load, { ...to(), seconds, ...more });
  await run(order, { concurrency });
  await run(peerOrder, { concurrency });
  const tops: number[] = [];
  const halves: LoadOutcome[] = [];
  const peers: LoadOutcome[] = [];
  for (let round = 1; round <= rounds; round++) {
    context.progress(`half the top, ${round} of ${rounds}`);
    const { requests, seconds: took } = await run(order, { concurrency });
    const top = requests / took;
    const half = { concurrency: openConnections, ratePerSecond: top / 2 };
    tops.push(top);
    halves.push(await run(order, half));
    peers.push(await run(peerOrder, half));
  }
  const of = (value: (outcome: LoadOutcome) => number) => halves.map(value);
  const times = ({ p50Ms, p99Ms }: LoadOutcome) => p99Ms / p50Ms;
  return [
    figure('top', 'warm: the most of 16 callers', 'requests/s', tops),
    figure(
      'half-top-p50',
      'warm: p50 at half of it',
      'ms',
      of(({ p50Ms }) => p50Ms),
    ),
    figure(
      'half-top-p99',
      'warm: p99 at half of it',
      'ms',
      of(({ p99Ms }) => p99Ms),
    ),
    figure('half-top-p99-to-p50', 'warm: p99 by p50 at half of it', 'times', of(times)),
    figure('half-top-peer', 'the peer: p99 by p50 under as many calls', 'times', peers.map(times)),
  ];
}

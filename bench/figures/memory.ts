import { LocalError } from '../../local/local-error.ts';
import { watchMemory } from '../../test/support/resident-memory.ts';
import { baseCalls } from '../cases/case.ts';
import { orderLoad } from '../measure/measure.ts';
import { type FigureContext, figure } from './figure.ts';

const bytesPerMib = 1024 ** 2;
/** A call's body is buffered, so the upload is split over many calls. */
const uploadMib = 8;
const maxSeconds = 120;

/** Growth of SecureProxy's memory by the second GiB in one direction. */
export async function measureMemory(context: FigureContext) {
  const { mib, upstreamUrl } = context;
  const down = await growth(context, 'down', 1, {
    urls: [new URL(`/bytes/${mib * bytesPerMib}`, upstreamUrl).href],
  });
  const up = await growth(context, 'up', Math.ceil(mib / uploadMib), {
    letters: uploadMib * bytesPerMib,
  });
  return [
    figure('memory-down', `SecureProxy: growth by ${mib} MiB from the marketplace`, 'MiB', [down]),
    figure('memory-up', `SecureProxy: growth by ${mib} MiB to the marketplace`, 'MiB', [up]),
  ];
}

async function growth(
  context: FigureContext,
  way: 'up' | 'down',
  requests: number,
  calls: { readonly urls?: readonly string[]; readonly letters?: number },
): Promise<number> {
  const { load, progress } = context;
  const proxy = await context.startProxy();
  const order = baseCalls(context, { to: proxy, ...calls });
  const pass = async () => {
    progress(`memory, ${context.mib} MiB ${way}`);
    const full = { ...order(), concurrency: 1, seconds: maxSeconds, maxRequests: requests };
    const outcome = await orderLoad(load, full);
    if (outcome.requests !== requests || outcome.errors > 0) {
      throw new LocalError(`memory: not all of it went ${way}`);
    }
  };
  // The first pass grows heap, buffer pools and compiled code to the size that Node keeps.
  const first = await watchMemory(proxy.pid, pass);
  const second = await watchMemory(proxy.pid, pass);
  await proxy.stop();
  // Uncollected garbage raises one of the two; a leak raises both.
  return Math.min(second.floorMib - first.floorMib, second.peakMib - first.peakMib);
}

import { Agent, type ClientRequest, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack, Outcome, Scene } from '../../scene/attack.ts';
import { stillServes } from '../../scene/still-serves.ts';
import { type Market, startMarkets } from './markets.ts';

const quietCalls = 1000;
const atOnce = 8;

interface Sent {
  readonly request: ClientRequest;
  /** Status of the answer; undefined if there was none. */
  readonly status: Promise<number | undefined>;
}

/** Calls a marketplace with this key, over connections that are kept. */
function caller({ proxy, clientId }: Scene, appKey: string) {
  const agent = new Agent({ keepAlive: true });
  return (market: Market, members: object = {}): Sent => {
    const body = { ClientId: clientId, TokenType: market.type, ApiUri: `${market.origin}/` };
    const sent = request(`${proxy}/request_api`, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${appKey}` },
    });
    const status = new Promise<number | undefined>((resolve) => {
      sent.once('response', (answer) =>
        answer.resume().once('end', () => resolve(answer.statusCode)),
      );
      sent.on('error', () => resolve(undefined)).once('close', () => resolve(undefined));
    });
    sent.end(JSON.stringify({ ...body, ...members }));
    return { request: sent, status };
  };
}
type Call = ReturnType<typeof caller>;

/** A quiet app's calls, a few at once: those that failed, and the 99th percentile of all durations. */
async function callQuietly(call: Call, market: Market) {
  const failures: (number | undefined)[] = [];
  const durations: number[] = [];
  let left = quietCalls;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      const began = performance.now();
      const status = await call(market).status;
      durations.push(performance.now() - began);
      if (status !== 200) failures.push(status);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  const p99Ms = durations.sort((a, b) => a - b)[Math.floor(quietCalls * 0.99)] ?? 0;
  return { failures, p99: `p99 ${p99Ms.toFixed(1)} ms` };
}

/** Uploads, one after another, that are answered before they were read. */
async function upload(call: Call, market: Market, over: AbortSignal): Promise<void> {
  const Body = 'x'.repeat(2 * 1024 * 1024);
  while (!over.aborted) {
    await call(market, { Body }).status;
    await sleep(100);
  }
}

async function besideNeighbours(scene: Scene): Promise<Outcome> {
  const { markets, keys, close } = await startMarkets(scene);
  const over = new AbortController();
  const open: Sent[] = [];
  try {
    const [quiet, greedy] = [caller(scene, keys.quiet), caller(scene, keys.greedy)];
    const alone = await callQuietly(quiet, markets.healthy);
    for (let i = 0; i < 1024; i++) open.push(greedy(markets.silent));
    for (let i = 0; i < 100; i++) open.push(greedy(markets.slow));
    const uploads = upload(greedy, markets.early, over.signal);
    await sleep(500);
    const { failures, p99 } = await callQuietly(quiet, markets.healthy);
    over.abort();
    await uploads;
    const failed = `${failures.length} of ${quietCalls} calls beside them failed`;
    const happened = `${[failed, ...new Set(failures)].join(' ')}; ${alone.p99} alone, ${p99} beside them`;
    return failures.length === 0 ? await stillServes(scene, happened) : { held: false, happened };
  } finally {
    for (const sent of open) sent.request.destroy();
    close();
  }
}

export const neighbourAttacks: readonly Attack[] = [
  {
    class: 'neighbours',
    name: '1,124 calls of one app to silent and slow marketplaces, and uploads answered early',
    ownOnly: true,
    run: besideNeighbours,
  },
];

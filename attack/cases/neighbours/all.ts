import { Agent, type ClientRequest, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { leaseMs } from '../../../shared/protocol/change-messages.ts';
import { type Attack, type Outcome, type OwnScene, ownOf, type Scene } from '../../scene/attack.ts';
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
  return (market: Market, members: object = {}, path = '/request_api'): Sent => {
    const body = { ClientId: clientId, TokenType: market.type, ApiUri: `${market.origin}/` };
    const sent = request(proxy + path, {
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

/** Sends so many calls at once, and each again a while after it has ended: they are to wait, not to cost CPU. */
function repeat(count: number, over: AbortSignal, send: () => Sent): Promise<unknown> {
  const one = async () => {
    while (!over.aborted) {
      await send().status;
      await sleep(300);
    }
  };
  return Promise.all(Array.from({ length: count }, one));
}

/** Halts KeyServer most of the time. */
async function slowDown({ haltKeyserver }: OwnScene, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const goOn = haltKeyserver();
    await sleep(300);
    goOn();
    await sleep(100);
  }
}

/** All that an app can do to others, at once. */
function startNeighbours(
  own: OwnScene,
  greedy: Call,
  { markets, nameless }: Awaited<ReturnType<typeof startMarkets>>,
  over: AbortSignal,
): { readonly open: readonly Sent[]; readonly ended: Promise<unknown> } {
  const open: Sent[] = [];
  for (let i = 0; i < 1024; i++) open.push(greedy(markets.silent));
  for (let i = 0; i < 100; i++) open.push(greedy(markets.slow));
  for (let i = 0; i < 30; i++) for (const market of nameless) open.push(greedy(market));
  let asked = 0;
  /** KeyServer is asked each time, since no release is cached of an unknown client. */
  const unknownClient = () => ({ ClientId: `unknown-${++asked}` });
  const ended = Promise.all([
    upload(greedy, markets.early, over),
    repeat(100, over, () => greedy(markets.silent, unknownClient())),
    repeat(100, over, () => greedy(markets.silent, unknownClient(), '/explain')),
    repeat(10, over, () => greedy(markets.slow, { TimeoutMs: 1 })),
    slowDown(own, over),
  ]);
  return { open, ended };
}

async function besideNeighbours(scene: Scene): Promise<Outcome> {
  const started = await startMarkets(scene);
  const { markets, keys, close } = started;
  const over = new AbortController();
  let open: readonly Sent[] = [];
  try {
    // Until then KeyServer, if it has just begun, has every release dropped again and again.
    await sleep(leaseMs);
    const [quiet, greedy] = [caller(scene, keys.quiet), caller(scene, keys.greedy)];
    const alone = await callQuietly(quiet, markets.healthy);
    const neighbours = startNeighbours(ownOf(scene), greedy, started, over.signal);
    open = neighbours.open;
    await sleep(500);
    const { failures, p99 } = await callQuietly(quiet, markets.healthy);
    over.abort();
    await neighbours.ended;
    const failed = `${failures.length} of ${quietCalls} calls beside them failed`;
    const happened = `${[failed, ...new Set(failures)].join(' ')}; ${alone.p99} alone, ${p99} beside them`;
    return failures.length === 0 ? await stillServes(scene, happened) : { held: false, happened };
  } finally {
    over.abort();
    for (const sent of open) sent.request.destroy();
    close();
  }
}

export const neighbourAttacks: readonly Attack[] = [
  {
    class: 'neighbours',
    name: 'one app with 1,184 calls to silent and slow marketplaces and names, uploads that are answered early, and questions to a slow KeyServer',
    ownOnly: true,
    run: besideNeighbours,
  },
];

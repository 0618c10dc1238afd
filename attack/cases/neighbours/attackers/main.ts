/**
 * The process of the greedy app and of the marketplaces that it calls, so that what they do delays no other app but
 * through the pair. It sends {@link Ports}, begins with {@link Order}, ends with `end` and then sends `ended`.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scene } from '../../../scene/attack.ts';
import { type Call, caller, type Market, type Sent } from './caller.ts';

const makers = {
  silent: () => createServer(() => undefined),
  slow: () => createServer((_request, response) => setTimeout(() => response.end('ok'), 1000)),
  /** Answers at the first bytes of a request, and reads no more of it. */
  early: () =>
    createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    }),
} as const;
type MarketName = keyof typeof makers;

/** Ports of the marketplaces, at 127.0.0.1. */
export type Ports = Readonly<Record<MarketName, number>>;

/** The target and the app of the calls. */
export interface Order extends Pick<Scene, 'proxy' | 'clientId' | 'appKey'> {
  readonly markets: Readonly<Record<MarketName, Market>>;
  /** Marketplaces whose names do not resolve. */
  readonly nameless: readonly Market[];
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

/** Begins all that an app can do to others, at once. Returns what ends it. */
function begin({ appKey, markets, nameless, ...scene }: Order): () => Promise<unknown> {
  const greedy = caller(scene, appKey);
  const over = new AbortController();
  const { signal } = over;
  const open: Sent[] = [];
  for (let i = 0; i < 1024; i++) open.push(greedy(markets.silent));
  for (let i = 0; i < 100; i++) open.push(greedy(markets.slow));
  for (let i = 0; i < 30; i++) for (const market of nameless) open.push(greedy(market));
  /** KeyServer is asked each time, since no release is cached of an unknown client. */
  const unknownClient = () => ({ ClientId: `unknown-${randomUUID()}` });
  const ended = Promise.all([
    upload(greedy, markets.early, signal),
    repeat(100, signal, () => greedy(markets.silent, unknownClient())),
    repeat(100, signal, () => greedy(markets.silent, unknownClient(), '/explain')),
    repeat(10, signal, () => greedy(markets.slow, { TimeoutMs: 1 })),
  ]);
  return () => {
    over.abort();
    for (const { request } of open) request.destroy();
    return ended;
  };
}

async function startMarket(name: MarketName): Promise<number> {
  const server: Server = makers[name]();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const ports: Ports = {
  silent: await startMarket('silent'),
  slow: await startMarket('slow'),
  early: await startMarket('early'),
};
let end: () => Promise<unknown> = () => Promise.resolve();
process.on('message', (message: Order | 'end') => {
  if (message === 'end') void end().then(() => process.send?.('ended'));
  else end = begin(message);
});
process.once('disconnect', () => process.exit());
process.send?.(ports);

import { Agent, request } from 'node:http';
import type { Outcome, Scene } from '../../scene/attack.ts';
import { stillServes } from '../../scene/still-serves.ts';

/** An address of this machine for the flood, and one that no service has met. */
export const floodAddress = '127.0.0.66';
export const unmetAddress = '127.0.0.77';

export interface Sent {
  /** Address that it is sent from. */
  readonly from: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends JSON from an address; resolves to status and text, status 0 if there was no answer. */
export type Send = (url: string, sent: Sent) => Promise<{ status: number; text: string }>;

/** Connections of one sender, at most so many. */
export function sender(maxSockets: number): { readonly send: Send; end(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets });
  const send: Send = (url, { from, headers, body }) =>
    new Promise((done) => {
      const none = () => done({ status: 0, text: '' });
      const options = { method: 'POST', agent, localAddress: from };
      const length = String(Buffer.byteLength(body));
      request(
        url,
        {
          ...options,
          headers: { 'content-type': 'application/json', 'content-length': length, ...headers },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', none);
          answer.on('end', () =>
            done({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
          );
        },
      )
        .on('error', none)
        .end(body);
    });
  return { send, end: () => agent.destroy() };
}

/** Statuses, counted, as a phrase. */
export function counted(statuses: readonly number[]): string {
  const counts = Map.groupBy(statuses, (status) => status);
  return [...counts].map(([status, all]) => `${all.length} × ${status}`).join(', ');
}

/**
 * Floods with `concurrency` senders until the others' calls are over; held if all of those succeeded.
 * @param strange sends one request of the flood and resolves to its status
 */
export async function amidFlood(
  scene: Scene,
  concurrency: number,
  strange: () => Promise<number>,
  others: Readonly<Record<string, () => Promise<number>>>,
): Promise<Outcome> {
  let isOver = false;
  const flooded: number[] = [];
  const flood = Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (!isOver) flooded.push(await strange());
    }),
  );
  const rounds = 40;
  const seen = Object.fromEntries(Object.keys(others).map((who) => [who, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [who, call] of Object.entries(others)) seen[who]?.push(await call());
  }
  isOver = true;
  await flood;
  const phrases = Object.entries(seen).map(([who, statuses]) => `${who}: ${counted(statuses)}`);
  const happened = [...phrases, `flood: ${counted(flooded)}`].join('; ');
  const held = Object.values(seen).every((all) => all.every((status) => status === 200));
  return held && !flooded.includes(200) ? stillServes(scene, happened) : { held: false, happened };
}

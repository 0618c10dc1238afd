import { existsSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import type { Test } from 'tap';
import { startPair, type TestPair } from '../support/pair.ts';
import { tokenType } from '../support/pair-state.ts';
import { startPlainUpstream } from '../support/plain-upstream.ts';
import { type ResidentMemory, watchMemory } from '../support/resident-memory.ts';

const mib = 1024 ** 2;
const maxGrowthMib = 32;
/** Passes after the first one. */
const maxPasses = 3;
const uploadBytes = 8 * mib;
const chunk = Buffer.alloc(64 * 1024, 'x');

/** GET: so many bytes as the path says, as fast as they are taken. Else: how many bytes came. */
const answer: RequestListener = (request, response) => {
  if (request.method !== 'GET') {
    let received = 0;
    request.on('data', ({ length }: Buffer) => {
      received += length;
    });
    request.on('end', () => response.end(String(received)));
    return;
  }
  request.resume();
  let left = Number(request.url?.slice(1)) / chunk.length;
  const send = () => {
    while (left > 0) {
      left -= 1;
      if (response.write(chunk)) continue;
      response.once('drain', send);
      return;
    }
    response.end();
  };
  send();
};

async function download(pair: TestPair, upstream: string, bytes: number): Promise<number> {
  const { body } = await pair.call({ Method: 'GET', ApiUri: `${upstream}/${bytes}` });
  let received = 0;
  for await (const { length } of body ?? []) received += length;
  return received;
}

/** Calls with a body of 8 MiB each, as text and as base64 in turn; resolves to the bytes that arrived. */
async function upload(pair: TestPair, upstream: string, bytes: number): Promise<number> {
  const members = { ClientId: 'shop-1', TokenType: tokenType, ApiUri: upstream };
  const bodies = [
    { ...members, Body: 'x'.repeat(uploadBytes) },
    { ...members, BodyBase64: Buffer.alloc(uploadBytes, 7).toString('base64') },
  ].map((body) => JSON.stringify(body));
  let arrived = 0;
  for (let i = 0; i < bytes / uploadBytes; i++) {
    const answered = await fetch(`${pair.secureproxy.origin}/request_api`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${pair.appKey}` },
      body: bodies[i % bodies.length] ?? '',
    });
    arrived += Number(await answered.text());
  }
  return arrived;
}

const forwarded = (pair: TestPair, path: string, init: RequestInit = {}) =>
  fetch(`${pair.secureproxy.origin}/forward/shop-1/${tokenType}/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${pair.appKey}` },
  });

async function forwardDown(pair: TestPair, _upstream: string, bytes: number): Promise<number> {
  const { body } = await forwarded(pair, String(bytes));
  let received = 0;
  for await (const { length } of body ?? []) received += length;
  return received;
}

async function forwardUp(pair: TestPair, _upstream: string, bytes: number): Promise<number> {
  let left = bytes / chunk.length;
  const body = new ReadableStream({
    pull: (controller) => {
      left -= 1;
      controller.enqueue(new Uint8Array(chunk));
      if (left === 0) controller.close();
    },
  });
  const answered = await forwarded(pair, 'up', { method: 'POST', body, duplex: 'half' });
  return Number(await answered.text());
}

function growthBetween(before: ResidentMemory, after: ResidentMemory): number {
  return Math.min(after.floorMib - before.floorMib, after.peakMib - before.peakMib);
}

function describe(before: ResidentMemory, after: ResidentMemory): string {
  return (
    `resident memory of SecureProxy, MiB: floor ${before.floorMib} → ${after.floorMib}, ` +
    `peak ${before.peakMib} → ${after.peakMib}`
  );
}

/** Why resident memory cannot be seen here. */
export const skip = !existsSync('/proc/self/status') && 'resident memory is read from /proc';

/** Passes of bytes through a pair by their direction. */
const passes = {
  'down, in one answer': download,
  'up, in calls of 8 MiB': upload,
  'down, forwarded': forwardDown,
  'up, forwarded in one body': forwardUp,
};

/**
 * Sends so many bytes through a pair, twice or more in each direction, and checks that SecureProxy's memory does not
 * grow with them; the bytes are to be many times 32 MiB.
 */
export async function testMemory(
  t: Test,
  bytes: number,
  directions = Object.keys(passes) as (keyof typeof passes)[],
): Promise<void> {
  const upstream = await startPlainUpstream(t, answer);
  const pair = await startPair(t, { upstream });
  const pid = pair.secureproxy.process.pid ?? 0;
  for (const direction of directions) {
    const pass = passes[direction];
    await t.test(direction, async (t) => {
      const passAll = async () => t.equal(await pass(pair, upstream, bytes), bytes, 'all came');
      // The first one fills what every process of Node keeps: heap, pools of buffers, compiled code.
      const first = await watchMemory(pid, passAll);
      let before = first;
      let growthMib = Infinity;
      // Garbage not yet collected, and a heap that V8 enlarges, move one pass; what stays moves each of them.
      for (let more = 0; more < maxPasses && growthMib >= maxGrowthMib; more++) {
        const after = await watchMemory(pid, passAll);
        t.comment(describe(before, after));
        growthMib = growthBetween(before, after);
        before = after;
      }
      t.ok(growthMib < maxGrowthMib, `grew by ${growthMib} MiB`);
      const allMib = growthBetween(first, before);
      t.ok(allMib < 2 * maxGrowthMib, `grew by ${allMib} MiB since the first one`);
    });
  }
}

import { existsSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import t from 'tap';
import { startPair, type TestPair } from '../support/pair.ts';
import { tokenType } from '../support/pair-state.ts';
import { startPlainUpstream } from '../support/plain-upstream.ts';
import { type ResidentMemory, watchMemory } from '../support/resident-memory.ts';

const mib = 1024 ** 2;
const gib = 1024 ** 3;
const maxGrowthMib = 32;
const uploadBytes = 8 * mib;
const chunk = Buffer.alloc(64 * 1024, 'x');

/** GET: a GiB, as fast as it is taken. Else: how many bytes came. */
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
  let left = gib / chunk.length;
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

async function downloadGib(pair: TestPair): Promise<number> {
  const { body } = await pair.call({ Method: 'GET' });
  let received = 0;
  for await (const { length } of body ?? []) received += length;
  return received;
}

/** Calls with a body of 8 MiB each, as text and as base64 in turn; resolves to the bytes that arrived. */
async function uploadGib(pair: TestPair, upstream: string): Promise<number> {
  const members = { ClientId: 'shop-1', TokenType: tokenType, ApiUri: upstream };
  const bodies = [
    { ...members, Body: 'x'.repeat(uploadBytes) },
    { ...members, BodyBase64: Buffer.alloc(uploadBytes, 7).toString('base64') },
  ].map((body) => JSON.stringify(body));
  let arrived = 0;
  for (let i = 0; i < gib / uploadBytes; i++) {
    const answered = await fetch(`${pair.secureproxy.origin}/request_api`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${pair.appKey}` },
      body: bodies[i % bodies.length] ?? '',
    });
    arrived += Number(await answered.text());
  }
  return arrived;
}

function describe(warm: ResidentMemory, second: ResidentMemory): string {
  return (
    `resident memory of SecureProxy, MiB: floor ${warm.floorMib} → ${second.floorMib}, ` +
    `peak ${warm.peakMib} → ${second.peakMib}`
  );
}

const options = existsSync('/proc/self/status')
  ? {}
  : { skip: 'resident memory is read from /proc' };

// Four GiB, also on a machine that is busy.
t.setTimeout(400_000);

t.test('a GiB goes through without staying in memory', options, async (t) => {
  const upstream = await startPlainUpstream(t, answer);
  const directions = {
    'down, in one answer': downloadGib,
    'up, in calls of 8 MiB': (pair: TestPair) => uploadGib(pair, upstream),
  };
  for (const [direction, pass] of Object.entries(directions)) {
    await t.test(direction, async (t) => {
      const pair = await startPair(t, { upstream });
      const passGib = () => pass(pair).then((bytes) => t.equal(bytes, gib, 'all of it came'));
      const pid = pair.secureproxy.process.pid ?? 0;
      // The first one fills what every process of Node keeps: heap, pools of buffers, compiled code.
      const warm = await watchMemory(pid, passGib);
      const second = await watchMemory(pid, passGib);
      t.comment(describe(warm, second));
      // Garbage not yet collected moves the one or the other; what stays moves both.
      const growthMib = Math.min(second.floorMib - warm.floorMib, second.peakMib - warm.peakMib);
      t.ok(growthMib < maxGrowthMib, `grew by ${growthMib} MiB`);
    });
  }
});

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pollUntil } from '../../../test/support/poll-until.ts';
import type { Attack, Outcome, Scene } from '../../scene/attack.ts';
import { stillServes } from '../../scene/still-serves.ts';
import { describe, exchangeBytes, readAnswer, type WireAnswer } from '../../scene/wire.ts';

const mebibyte = 1024 * 1024;

function head(scene: Scene, lines: readonly string[]): string {
  return [
    'POST /request_api HTTP/1.1',
    `Host: ${new URL(scene.proxy).host}`,
    `Authorization: Bearer ${scene.appKey}`,
    'Content-Type: application/json',
    ...lines,
    '',
    '',
  ].join('\r\n');
}

/** Opens connections that send this and then stall. */
async function stalled(scene: Scene, count: number, bytes: string) {
  const { hostname, port } = new URL(scene.proxy);
  const sockets = Array.from({ length: count }, () => connect(Number(port || 80), hostname));
  for (const socket of sockets) socket.on('error', () => undefined);
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.write(bytes);
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  return { sockets, end };
}

/** A hundred requests at once that never end. */
const stalls: Readonly<Record<string, (scene: Scene) => string>> = {
  'without a request': () => '',
  'within the head': (scene) => head(scene, []).slice(0, -2),
  'within the body': (scene) => `${head(scene, ['Content-Length: 1000'])}{"ClientId":`,
};

/** A caller that reads nothing of a large answer: back pressure must reach the upstream, or memory fills. */
async function slowReader(scene: Scene): Promise<Outcome> {
  let sent = 0;
  const maxBytes = 256 * mebibyte;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  scene.upstream.script((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${maxBytes}\r\n\r\n`);
    const pour = () => {
      while (sent < maxBytes && !socket.destroyed) {
        sent += chunk.length;
        if (!socket.write(chunk)) return void socket.once('drain', pour);
      }
    };
    pour();
  });
  const body = JSON.stringify({
    ClientId: scene.clientId,
    TokenType: scene.tokenType,
    ApiUri: `${scene.origin}/endless`,
  });
  const bytes = head(scene, [`Content-Length: ${body.length}`]) + body;
  const { sockets, end } = await stalled(scene, 1, bytes);
  sockets[0]?.pause();
  let before = -1;
  // Until no more bytes move.
  while (sent !== before) {
    before = sent;
    await sleep(500);
  }
  end();
  const poured = `the upstream got rid of ${Math.round(sent / mebibyte)} MiB`;
  return sent < 64 * mebibyte ? stillServes(scene, poured) : { held: false, happened: poured };
}

/** Held if the request is rejected with one of the statuses and the pair still serves. */
async function refusedEarly(
  scene: Scene,
  bytes: string,
  statuses: readonly number[],
): Promise<Outcome> {
  const answer: WireAnswer = readAnswer(await exchangeBytes(scene.proxy, bytes));
  return statuses.includes(answer.status)
    ? stillServes(scene, describe(answer))
    : { held: false, happened: describe(answer) };
}

export const connectionAttacks: readonly Attack[] = [
  ...Object.entries(stalls).map(
    ([where, bytes]): Attack => ({
      class: 'load',
      name: `a hundred connections that stall ${where}`,
      run: async (scene) => {
        const { end } = await stalled(scene, 100, bytes(scene));
        try {
          return await stillServes(scene, 'they wait');
        } finally {
          end();
        }
      },
    }),
  ),
  {
    class: 'load',
    name: 'a caller that reads nothing of a large answer',
    run: slowReader,
  },
  {
    class: 'load',
    name: 'fifty callers that hang up',
    run: async (scene) => {
      scene.upstream.script(() => undefined);
      const body = JSON.stringify({
        ClientId: scene.clientId,
        TokenType: scene.tokenType,
        ApiUri: `${scene.origin}/slow`,
      });
      const arrived = scene.upstream.requests.length;
      const { end } = await stalled(
        scene,
        50,
        head(scene, [`Content-Length: ${body.length}`]) + body,
      );
      const { upstream } = scene;
      await pollUntil(
        'fifty calls',
        () => upstream.requests.length - arrived,
        (count) => count === 50,
      );
      const others = upstream.open.size - 50;
      end();
      await pollUntil(
        'calls that go on',
        () => upstream.open.size - others,
        (left) => left <= 0,
      );
      return stillServes(scene, 'their calls were cancelled');
    },
  },
  {
    class: 'load',
    name: 'a request of 1 GiB',
    run: async (scene) =>
      refusedEarly(scene, head(scene, [`Content-Length: ${1024 * mebibyte}`]), [413]),
  },
  {
    class: 'load',
    name: 'a header of 1 MiB',
    run: async (scene) =>
      refusedEarly(scene, head(scene, [`X-A: ${'a'.repeat(mebibyte)}`]), [400, 431]),
  },
  {
    class: 'load',
    name: 'JSON that is nested 100,000 times',
    run: async (scene) => {
      const depth = 100_000;
      const body = `{"Body":${'['.repeat(depth)}${']'.repeat(depth)}}`;
      const lines = ['Connection: close', `Content-Length: ${body.length}`];
      return refusedEarly(scene, head(scene, lines) + body, [400]);
    },
  },
];

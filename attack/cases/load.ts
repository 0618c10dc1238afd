import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { addGrant } from '../../keyserver/admin/grants.ts';
import { putToken } from '../../keyserver/admin/tokens.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { postJson } from '../../test/support/exchange-client.ts';
import { residentMib } from '../../test/support/resident-memory.ts';
import { answers, type Script, writes } from '../../test/support/upstream.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../attack.ts';
import { leaks } from '../judge.ts';
import { call, describe, exchangeBytes, readAnswer, type WireAnswer } from '../wire.ts';

const mebibyte = 1024 * 1024;

/** What was tried has held where a usual call succeeds afterwards. */
async function stillServes(scene: Scene, happened: string): Promise<Outcome> {
  scene.upstream.script(answers(200, 'ok'));
  const answer = await call(scene);
  return answer.status === 200
    ? { held: true, happened: `${happened}; served after it` }
    : { held: false, happened: `${happened}; then ${describe(answer)}` };
}

/** Requests that KeyServer's log tells of. */
function asked(scene: Scene): number {
  return ownOf(scene)
    .printed()
    .split('\n')
    .filter(
      (line) => line.includes('"service.name":"keyserver"') && line.includes('"url.template":"/",'),
    ).length;
}

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

/** Opens connections that send this and then nothing more. */
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

/** Requests that begin and never end, a hundred at once. */
const stalls: Readonly<Record<string, (scene: Scene) => string>> = {
  'without a request': () => '',
  'within the head': (scene) => head(scene, []).slice(0, -2),
  'within the body': (scene) => `${head(scene, ['Content-Length: 1000'])}{"ClientId":`,
};

/** A caller that reads nothing of an endless answer: the upstream must be held up, not the memory filled. */
async function slowReader(scene: Scene): Promise<Outcome> {
  let sent = 0;
  const most = 256 * mebibyte;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  scene.upstream.script((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${most}\r\n\r\n`);
    const pour = () => {
      while (sent < most && !socket.destroyed) {
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
  // Until nothing moves any more.
  while (sent !== before) {
    before = sent;
    await sleep(500);
  }
  end();
  const poured = `the upstream got rid of ${Math.round(sent / mebibyte)} MiB`;
  return sent < 64 * mebibyte ? stillServes(scene, poured) : { held: false, happened: poured };
}

/** Answers that do not end by themselves, to a call with a limit of its own. */
const endless: Readonly<Record<string, Script>> = {
  'never answers': () => undefined,
  'stops within its head': writes('HTTP/1.1 200 OK\r\nX-A: '),
  'stops within its body': writes('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx'),
  'sends interim answers for ever': (socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 20);
    socket.once('close', () => clearInterval(timer));
  },
};

async function bomb(scene: Scene, name: string, bytes: Buffer): Promise<Outcome> {
  scene.upstream.script(answers(200, bytes, [['Content-Encoding', name]]));
  const { proxyPid } = ownOf(scene);
  const before = residentMib(proxyPid);
  const answer = await call(scene, { Headers: { 'Accept-Encoding': name } });
  const grown = residentMib(proxyPid) - before;
  if (leaks(scene, answer)) return { held: false, happened: 'the token came out' };
  const happened = `${describe(answer)}, grown by ${grown} MiB`;
  return grown < 128 ? stillServes(scene, happened) : { held: false, happened };
}

export const loadAttacks: readonly Attack[] = [
  {
    class: 'load',
    name: 'a hundred callers miss the same entry of the cache at once',
    ownOnly: true,
    run: async (scene) => {
      const { admin } = ownOf(scene);
      const clientId = 'shop-crowd';
      await putToken(admin, {
        clientId,
        tokenType: scene.tokenType,
        fields: { token: scene.token },
      });
      await addGrant(admin, 'orders', { client: clientId, type: scene.tokenType });
      // KeyServer looks twice a second.
      await sleep(1500);
      const before = asked(scene);
      const crowd = await Promise.all(
        Array.from({ length: 100 }, () => call(scene, { ClientId: clientId })),
      );
      const served = crowd.filter(({ status }) => status === 200).length;
      const count = asked(scene) - before;
      return {
        held: served === 100 && count <= 2,
        happened: `${served} served, KeyServer asked ${count} times`,
      };
    },
  },
  ...(['well-formed', 'malformed'] as const).map(
    (form): Attack => ({
      class: 'load',
      name: `300 unknown app keys, ${form}`,
      ownOnly: true,
      run: async (scene) => {
        const before = asked(scene);
        const key = () => (form === 'malformed' ? `spk_${'x'.repeat(36)}` : makeCallerKey('spk_'));
        let refused = 0;
        for (let i = 0; i < 10; i++) {
          const flood = await Promise.all(
            Array.from({ length: 30 }, () => call(scene, {}, { appKey: key() })),
          );
          refused += flood.filter(({ code }) => code === 'caller_unauthenticated').length;
        }
        const count = asked(scene) - before;
        const happened = `${refused} refused, KeyServer asked ${count} times`;
        const held = refused === 300 && count <= (form === 'malformed' ? 0 : 300);
        return held ? stillServes(scene, happened) : { held, happened };
      },
    }),
  ),
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
  ...Object.entries(endless).map(
    ([what, script]): Attack => ({
      class: 'load',
      name: `an upstream that ${what}`,
      run: async (scene) => {
        scene.upstream.script(script);
        const answer = await call(scene, { TimeoutMs: 500 });
        const isCut = answer.code === 'upstream_timeout' || answer.status === 200;
        const happened = answer.code === '' ? 'cut off' : describe(answer);
        return isCut ? stillServes(scene, happened) : { held: false, happened };
      },
    }),
  ),
  {
    class: 'load',
    name: 'an upstream that asks to wait for a day',
    run: async (scene) => {
      scene.upstream.script(answers(429, '', [['Retry-After', '99999']]));
      const answer = await call(scene);
      return stillServes(scene, `${describe(answer)} at once`);
    },
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
      for (let i = 0; i < 100 && scene.upstream.requests.length < arrived + 50; i++)
        await sleep(50);
      const open = scene.upstream.open.size;
      end();
      for (let i = 0; i < 100 && scene.upstream.open.size > open - 50; i++) await sleep(50);
      const left = scene.upstream.open.size - (open - 50);
      return left <= 0
        ? stillServes(scene, 'their calls were cancelled')
        : { held: false, happened: `${left} calls went on` };
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
  ...(['gzip', 'gzip, in gzip'] as const).map(
    (what): Attack => ({
      class: 'load',
      name: `an answer of 512 MiB of nothing, in ${what}`,
      ownOnly: true,
      run: (scene) => {
        const once = gzipSync(Buffer.alloc(512 * mebibyte), { level: 9 });
        return what === 'gzip'
          ? bomb(scene, 'gzip', once)
          : bomb(scene, 'gzip, gzip', gzipSync(once, { level: 9 }));
      },
    }),
  ),
  {
    class: 'load',
    name: '300 sessions at once that do not open, at KeyServer',
    ownOnly: true,
    run: async (scene) => {
      const request = {
        sessionKey: Buffer.alloc(384, 7).toString('base64'),
        clientId: 'shop-1',
        tokenType: 'market',
      };
      const { keyserver } = ownOf(scene);
      const storm = await Promise.all(
        Array.from({ length: 300 }, () => postJson(keyserver, request)),
      );
      const statuses = [...new Set(storm.map(({ status }) => status))].sort();
      const happened = `statuses ${statuses.join(', ')}`;
      return statuses.every((status) => status === 400 || status === 503)
        ? stillServes(scene, happened)
        : { held: false, happened };
    },
  },
];

/** Refused with one of the statuses, and the service goes on. */
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

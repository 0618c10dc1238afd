import { gzipSync } from 'node:zlib';
import { residentMib } from '../../../test/support/resident-memory.ts';
import { answers, type Script, writes } from '../../../test/support/upstream.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../../scene/attack.ts';
import { leaks } from '../../scene/judge.ts';
import { stillServes } from '../../scene/still-serves.ts';
import { call, describe } from '../../scene/wire.ts';

const mebibyte = 1024 * 1024;

/** Answers that never end, to a call with a timeout. */
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

export const heavyAnswerAttacks: readonly Attack[] = [
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
    name: 'an upstream that floods its call with interim answers',
    run: async (scene) => {
      scene.upstream.script(writes('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100_000)));
      const answer = await call(scene, { TimeoutMs: 10_000 });
      return answer.code === 'upstream_invalid'
        ? stillServes(scene, describe(answer))
        : { held: false, happened: describe(answer) };
    },
  },
  {
    class: 'load',
    name: 'an upstream that asks to wait for a day',
    run: async (scene) => {
      scene.upstream.script(answers(429, '', [['Retry-After', '99999']]));
      const answer = await call(scene);
      return stillServes(scene, `${describe(answer)} at once`);
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
];

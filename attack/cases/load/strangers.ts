import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createAnonymousApp } from '../../../keyserver/operations/callers.ts';
import { deleteDocument } from '../../../test/support/delete-document.ts';
import { watchMemory } from '../../../test/support/resident-memory.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../../scene/attack.ts';
import { awaitSeq } from '../../scene/seen.ts';
import { call, describe } from '../../scene/wire.ts';

const mebibyte = 1024 * 1024;
const connections = 500;
const calls = 20;
/** A small part of the 8 GB that the strangers have to send. */
const maxMib = 400;

/** A body of 16 MiB that costs a parser the most. */
const heavyBody = Buffer.concat([
  Buffer.from('{"ClientId":"shop-1","TokenType":"market","ApiUri":"https://x.example/","Body":['),
  Buffer.alloc(16 * mebibyte - 200, '1e1,'),
  Buffer.from('1]}'),
]);

/** Sends a call without a key, all of its body or a half. */
async function send(scene: Scene, part: number): Promise<Socket> {
  const { hostname, port } = new URL(scene.proxy);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(
    `POST /request_api HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${heavyBody.length}\r\n\r\n`,
  );
  socket.write(heavyBody.subarray(0, heavyBody.length * part));
  return socket;
}

/** Calls with a key, one after another, while strangers send. */
async function callAmidst(scene: Scene, part: number): Promise<Outcome> {
  const faults: string[] = [];
  const { peakMib } = await watchMemory(ownOf(scene).proxyPid, async () => {
    const strangers = await Promise.all(
      Array.from({ length: connections }, () => send(scene, part)),
    );
    for (let i = 0; i < calls; i++) {
      const answer = await call(scene);
      if (answer.status !== 200) faults.push(describe(answer));
    }
    for (const socket of strangers) socket.destroy();
  });
  const served = `${calls - faults.length} of ${calls} calls served, at most ${peakMib} MiB`;
  const happened = [served, ...new Set(faults)].join(', ');
  return { held: faults.length === 0 && peakMib < maxMib, happened };
}

export const strangerAttacks: readonly Attack[] = (
  [
    ['whole', 1],
    ['sent halfway', 0.5],
  ] as const
).flatMap(([what, part]) => [
  {
    class: 'load',
    name: `${connections} bodies of 16 MiB without a key, ${what}`,
    ownOnly: true,
    run: (scene) => callAmidst(scene, part),
  },
  {
    class: 'load',
    name: `the same, ${what}, while calls without a key are allowed`,
    ownOnly: true,
    run: async (scene) => {
      const { admin } = ownOf(scene);
      await createAnonymousApp(admin);
      await awaitSeq(scene);
      try {
        return await callAmidst(scene, part);
      } finally {
        await deleteDocument(admin, 'app', 'anonymous');
        await awaitSeq(scene);
      }
    },
  },
]);

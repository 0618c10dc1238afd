import { answers } from '../../test/support/upstream.ts';
import type { Attack, Scene } from '../scene/attack.ts';
import { arrives } from '../scene/judge.ts';

/** Targets of redirects that would carry the token along. */
const places: Readonly<Record<string, (scene: Scene) => string>> = {
  'another host': () => 'https://evil.example/',
  'another port': ({ origin }) => origin.replace(/\d+$/, '1'),
  'plain http': ({ origin }) => origin.replace('https:', 'http:'),
  loopback: ({ origin }) => `https://127.0.0.1:${new URL(origin).port}/`,
  metadata: () => 'http://169.254.169.254/latest/meta-data/',
  'another path of its own': ({ origin }) => `${origin}/elsewhere`,
  'a relative place': () => '/elsewhere',
  'file:': () => 'file:///etc/passwd',
};

/** Held if one request arrives and the caller gets the redirect. */
export const redirectAttacks: readonly Attack[] = [
  ...Object.entries(places).map(
    ([name, place], i): Attack => ({
      class: 'redirect',
      name: `to ${name}`,
      run: (scene) => {
        const status = [301, 302, 303, 307, 308][i % 5] ?? 302;
        scene.upstream.script(answers(status, '', [['Location', place(scene)]]));
        return arrives(scene, {}, (_request, answer) =>
          answer.status === status ? undefined : `the caller got ${answer.status}`,
        );
      },
    }),
  ),
  {
    class: 'redirect',
    name: 'by a Refresh header and by Alt-Svc',
    run: (scene) => {
      scene.upstream.script(
        answers(200, '', [
          ['Refresh', '0; url=https://evil.example/'],
          ['Alt-Svc', 'h2="evil.example:443"; ma=86400'],
        ]),
      );
      return arrives(scene, {}, (_request, { head }) =>
        /^alt-svc:/im.test(head) ? 'Alt-Svc was passed on' : undefined,
      );
    },
  },
];

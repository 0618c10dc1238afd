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

/** Held if one request arrives and the caller gets the redirect, in a form that no client follows. */
export const redirectAttacks: readonly Attack[] = [
  ...Object.entries(places).map(
    ([name, place], i): Attack => ({
      class: 'redirect',
      name: `to ${name}`,
      run: (scene) => {
        const status = [301, 302, 303, 307, 308][i % 5] ?? 302;
        scene.upstream.script(answers(status, '', [['Location', place(scene)]]));
        return arrives(scene, {}, (_request, answer) => {
          if (answer.status !== status) return `the caller got ${answer.status}`;
          if (/^location:/im.test(answer.head)) return 'a client would follow it';
          const [, absolute] = /^x-upstream-location: (.*)$/im.exec(answer.head) ?? [];
          return absolute !== undefined && URL.canParse(absolute) ? undefined : 'the place is lost';
        });
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
        /^(?:alt-svc|refresh):/im.test(head) ? 'it was passed on' : undefined,
      );
    },
  },
  {
    class: 'redirect',
    name: "to the proxy's own path, by the links of an answer that is no redirect",
    run: (scene) => {
      scene.upstream.script(
        answers(201, '', [
          ['Location', '/request_api'],
          ['Content-Location', '/readyz'],
          ['Link', '</request_api>; rel="next"'],
        ]),
      );
      return arrives(scene, {}, (_request, { head }) =>
        /^(?:location|content-location|link): <?\//im.test(head) ? 'a link is relative' : undefined,
      );
    },
  },
];

import { spellings } from '../../test/shared/policy/parameters/spellings.ts';
import type { Attack, Outcome, Scene } from '../scene/attack.ts';
import { ownOf } from '../scene/attack.ts';
import { refused } from '../scene/judge.ts';
import { describe, exchangeBytes, readAnswer } from '../scene/wire.ts';

const denied = ['grant_denied'];
const TokenType = 'routed';

/** Bodies, with headers, of which a server could read the member `_method`. */
const bodies: Readonly<Record<string, readonly [headers: readonly string[], body: string]>> = {
  'a form': [['Content-Type: application/x-www-form-urlencoded'], 'a=1&_method=DELETE'],
  'a form of several parts': [
    ['Content-Type: multipart/form-data; boundary=x'],
    '--x\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--x--\r\n',
  ],
  'a body without a type': [[], '_method=DELETE'],
  'a type before a comma': [
    ['Content-Type: application/x-www-form-urlencoded, application/json'],
    '_method=DELETE',
  ],
  'two types': [
    ['Content-Type: application/json', 'Content-Type: application/x-www-form-urlencoded'],
    '_method=DELETE',
  ],
  'a type under two names': [
    ['Content-Type: application/json', 'Content_Type: application/x-www-form-urlencoded'],
    '_method=DELETE',
  ],
  'a type that is hop-by-hop': [
    ['Content-Type: application/json', 'Connection: content-type'],
    '_method=DELETE',
  ],
};

/** Sends a request at `/forward`; held if it is refused and nothing arrives. */
async function forward(
  scene: Scene,
  method: string,
  rest: string,
  headers: readonly string[],
  body: string,
): Promise<Outcome> {
  const before = scene.upstream.requests.length;
  const lines = [
    `${method} /forward/${scene.clientId}/${TokenType}/allowed${rest} HTTP/1.1`,
    `Host: ${new URL(scene.proxy).host}`,
    `X-Api-Key: ${ownOf(scene).ruledKey}`,
    ...(headers.some((line) => line.startsWith('Connection:')) ? [] : ['Connection: close']),
    ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
    ...headers,
  ];
  const answer = readAnswer(
    await exchangeBytes(scene.proxy, `${lines.join('\r\n')}\r\n\r\n${body}`),
  );
  const sent = scene.upstream.requests.length - before;
  return {
    held: denied.includes(answer.code) && sent === 0,
    happened: `${describe(answer)}, ${sent === 0 ? 'nothing sent' : `${sent} sent`}`,
  };
}

/** Ways to another operation than the rules of a grant allow. */
export const routingAttacks: readonly Attack[] = [
  ...spellings.flatMap((query): Attack[] => [
    {
      class: 'url',
      name: `another route by ?${query}`,
      ownOnly: true,
      run: (scene) => {
        const ApiUri = `${scene.origin}/allowed?${query}`;
        return refused(scene, denied, { TokenType, ApiUri }, { appKey: ownOf(scene).ruledKey });
      },
    },
    {
      class: 'forward',
      name: `another route by ?${query}`,
      ownOnly: true,
      run: (scene) => forward(scene, 'GET', `?${query}`, [], ''),
    },
  ]),
  ...Object.entries(bodies).map(
    ([name, [headers, body]]): Attack => ({
      class: 'forward',
      name: `another method by ${name}`,
      ownOnly: true,
      run: (scene) => forward(scene, 'POST', '', headers, body),
    }),
  ),
];

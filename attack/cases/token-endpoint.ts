import { tokenEndpointSpellings } from '../../test/shared/policy/token-endpoint-spellings.ts';
import type { Attack, Outcome, Scene } from '../scene/attack.ts';
import { ownOf } from '../scene/attack.ts';
import { refused } from '../scene/judge.ts';
import { describe, exchangeBytes, readAnswer } from '../scene/wire.ts';

const TokenType = 'tokens';

interface Try {
  /** Behind `/forward/{client}/{type}`. */
  readonly path: string;
  /** Code of the error; absent: an answer with the caller's own key. */
  readonly code?: string;
  readonly method?: string;
  readonly body?: string;
  readonly keyOf?: (scene: Scene) => string;
}

const refresh = 'grant_type=refresh_token&refresh_token=x';

const tries: Readonly<Record<string, Try>> = {
  'no spelling but its own': { path: '/auth/o2/token' },
  'a slash too many at the seam': { path: '//auth/o2/token' },
  'a host that is no destination': { path: '/~login.example/token' },
  'another path of that host': { path: '/~login.example/orders', code: 'destination_denied' },
  'the code of a consent': {
    path: '/auth/o2/token',
    body: 'grant_type=authorization_code&code=x',
    code: 'request_invalid',
  },
  'two grants': {
    path: '/auth/o2/token?grant_type=password',
    code: 'request_invalid',
  },
  'a method that it does not have': {
    path: '/auth/o2/token',
    method: 'DELETE',
    code: 'request_invalid',
  },
  'the key of an app without a grant': {
    path: '/auth/o2/token',
    keyOf: (scene) => ownOf(scene).strangerKey,
    code: 'grant_denied',
  },
  ...Object.fromEntries(
    tokenEndpointSpellings
      .filter((path) => !path.startsWith('//'))
      .map((path) => [`the spelling ${path}`, { path, code: 'destination_denied' }]),
  ),
};

/** Held if nothing arrives anywhere, and only the caller's own key is answered, or the code alone. */
async function ask(
  scene: Scene,
  { path, code, method = 'POST', body = refresh, keyOf }: Try,
): Promise<Outcome> {
  const sentTo = () => scene.strays() + scene.upstream.requests.length;
  const before = sentTo();
  const appKey = keyOf?.(scene) ?? scene.appKey;
  const head = [
    `${method} /forward/${scene.clientId}/${TokenType}${path} HTTP/1.1`,
    `Host: ${new URL(scene.proxy).host}`,
    `Authorization: Basic ${btoa(`any:${appKey}`)}`,
    'Content-Type: application/x-www-form-urlencoded',
    'Connection: close',
    `Content-Length: ${body.length}`,
  ].join('\r\n');
  const answer = readAnswer(await exchangeBytes(scene.proxy, `${head}\r\n\r\n${body}`));
  const sent = sentTo() - before;
  // Not `answer.code`: an error for an SDK is not of the media type of problems.
  const isAsMeant =
    code === undefined
      ? answer.status === 200 && answer.body.includes(`"access_token":"${appKey}"`)
      : answer.status >= 400 && answer.body.includes(`"code":"${code}"`);
  return {
    held: isAsMeant && sent === 0 && !answer.body.includes(scene.token),
    happened: `${describe(answer)}, ${sent === 0 ? 'nothing sent' : `${sent} sent`}`,
  };
}

/** Ways to a token endpoint with the client's token. */
export const tokenEndpointAttacks: readonly Attack[] = [
  ...Object.entries(tries).map(
    ([name, tried]): Attack => ({
      class: 'forward',
      name: `a token endpoint by ${name}`,
      ownOnly: true,
      run: (scene) => ask(scene, tried),
    }),
  ),
  ...tokenEndpointSpellings.map(
    (path): Attack => ({
      class: 'url',
      name: `a token endpoint by the spelling ${path}`,
      ownOnly: true,
      run: (scene) =>
        refused(scene, ['destination_denied'], { TokenType, ApiUri: scene.origin + path }),
    }),
  ),
];

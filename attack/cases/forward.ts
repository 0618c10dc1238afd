import type { Attack, Outcome, Scene } from '../scene/attack.ts';
import { describe, exchangeBytes, readAnswer } from '../scene/wire.ts';

interface Try {
  /** Behind `/forward/{client}/{type}`. */
  readonly rest: (scene: Scene) => string;
  readonly method?: string;
  readonly appKey?: null;
  readonly headers?: readonly string[];
  readonly body?: (scene: Scene) => string;
}

/** Requests of which nothing may arrive, at any address. */
const refusals: Readonly<Record<string, Try>> = {
  'a host of the caller': { rest: () => '/~evil.example/v1' },
  'a host behind user info': { rest: ({ origin }) => `/~x@evil.example:${new URL(origin).port}/` },
  'another port': { rest: ({ origin }) => `/~${new URL(origin).hostname}:1/` },
  'an address': { rest: ({ origin }) => `/~127.0.0.1:${new URL(origin).port}/` },
  metadata: { rest: () => '/~169.254.169.254/latest/meta-data/' },
  'user info at the seam': { rest: () => '@evil.example/v1' },
  'a host that goes on at the seam': { rest: () => '.evil.example/v1' },
  'dot segments': { rest: () => '/v1/../../../request_api' },
  'encoded dot segments': { rest: () => '/v1/%2e%2E/x' },
  'no key': { rest: () => '/v1', appKey: null },
  'the key in the path': { rest: ({ appKey }) => `/v1/${appKey}` },
  'the key in the path, encoded twice': {
    rest: ({ appKey }) => `/v1/${appKey.replace('_', '%255F')}`,
  },
  'a WebSocket': { rest: () => '/v1', headers: ['Connection: upgrade', 'Upgrade: websocket'] },
  'a page of another site': { rest: () => '/v1', headers: ['Origin: https://evil.example'] },
  'a loop': { rest: () => '/v1', headers: ['Via: 1.1 secureproxy'] },
  'the key in a body': {
    rest: () => '/v1',
    method: 'POST',
    body: ({ appKey }) => `{"a":"${appKey}"}`,
  },
};

/** Requests that may arrive once, with the one right credential. */
const arrivals: Readonly<Record<string, Try>> = {
  'a host in two slashes': { rest: () => '///stray.example/v1' },
  'a credential of its own': { rest: () => '/v1', headers: ['authorization: Bearer mine'] },
  'the credential as hop-by-hop': { rest: () => '/v1', headers: ['Connection: authorization'] },
  'a host of its own in a header': {
    rest: () => '/v1',
    headers: [
      'X-Forwarded-Host: evil.example',
      'X-Original-URL: /admin',
      'Forwarded: host=evil.example',
    ],
  },
  'a request behind the body': {
    rest: () => '/v1',
    method: 'POST',
    body: () => 'x\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n',
  },
  'a target with another request in it': { rest: () => '/v1?a=%0d%0aGET%20/admin%20HTTP/1.1' },
};

async function send(scene: Scene, { rest, method = 'GET', appKey, headers = [], body }: Try) {
  const { proxy, clientId, tokenType } = scene;
  const content = body?.(scene) ?? '';
  const base = `/forward/${encodeURIComponent(clientId)}/${encodeURIComponent(tokenType)}`;
  const lines = [
    `${method} ${base}${rest(scene)} HTTP/1.1`,
    `Host: ${new URL(proxy).host}`,
    ...(headers.some((line) => line.startsWith('Connection:')) ? [] : ['Connection: close']),
    ...(appKey === null ? [] : [`X-Api-Key: ${scene.appKey}`]),
    ...(body === undefined ? [] : [`Content-Length: ${content.length}`]),
    ...headers,
  ];
  return readAnswer(await exchangeBytes(proxy, `${lines.join('\r\n')}\r\n\r\n${content}`));
}

const countOf = (scene: Scene) => scene.strays() + scene.upstream.requests.length;

async function refuse(scene: Scene, tried: Try): Promise<Outcome> {
  const before = countOf(scene);
  const answer = await send(scene, tried);
  const sent = countOf(scene) - before;
  const held = answer.status >= 400 && answer.code !== '' && sent === 0;
  return { held, happened: `${describe(answer)}, ${sent === 0 ? 'nothing sent' : `${sent} sent`}` };
}

async function arrive(scene: Scene, tried: Try): Promise<Outcome> {
  const [before, strays] = [scene.upstream.requests.length, scene.strays()];
  const answer = await send(scene, tried);
  const came = scene.upstream.requests.slice(before);
  const isClean =
    came.every(
      (one) =>
        one.all('authorization').join() === `Bearer ${scene.token}` &&
        !/evil|admin HTTP|spk_/.test(one.head),
    ) && came.length <= 1;
  const held = isClean && scene.strays() === strays && !answer.body.includes(scene.token);
  return { held, happened: `${describe(answer)}, ${came.length} arrived` };
}

const attacksOf = (
  tries: Readonly<Record<string, Try>>,
  run: (scene: Scene, tried: Try) => Promise<Outcome>,
) =>
  Object.entries(tries).map(
    ([name, tried]): Attack => ({
      class: 'forward',
      name: `/forward with ${name}`,
      run: (scene) => run(scene, tried),
    }),
  );

export const forwardAttacks: readonly Attack[] = [
  ...attacksOf(refusals, refuse),
  ...attacksOf(arrivals, arrive),
];

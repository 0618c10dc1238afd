import type { Attack, Outcome, Scene } from '../../scene/attack.ts';
import { refused } from '../../scene/judge.ts';
import { describe, exchangeBytes, readAnswer } from '../../scene/wire.ts';
import { returnedHeaderAttacks } from './returned.ts';
import { sentHeaderAttacks } from './sent.ts';

/** Requests to SecureProxy that two parsers could read differently. */
const smuggling: Readonly<Record<string, readonly string[]>> = {
  'a length and chunks': ['Content-Length: 4', 'Transfer-Encoding: chunked'],
  'two lengths': ['Content-Length: 4', 'Content-Length: 40'],
  'chunks under another name': ['Transfer-Encoding: xchunked'],
  'chunks behind another coding': ['Transfer-Encoding: identity, chunked'],
  'a length with a sign': ['Content-Length: +4'],
  'a space before the colon': ['Content-Length : 4'],
};

async function smuggle(scene: Scene, lines: readonly string[]): Promise<Outcome> {
  const before = scene.upstream.requests.length;
  const head = [
    'POST /request_api HTTP/1.1',
    `Host: ${new URL(scene.proxy).host}`,
    'Content-Type: application/json',
    `Authorization: Bearer ${scene.appKey}`,
    ...lines,
  ].join('\r\n');
  const hidden = 'POST /request_api HTTP/1.1\r\nHost: x\r\n\r\n';
  const bytes = await exchangeBytes(scene.proxy, `${head}\r\n\r\n0\r\n\r\n${hidden}`);
  const answer = readAnswer(bytes);
  const held =
    answer.status >= 400 && answer.status < 500 && scene.upstream.requests.length === before;
  return { held, happened: describe(answer) };
}

export const headerAttacks: readonly Attack[] = [
  ...sentHeaderAttacks,
  ...returnedHeaderAttacks,
  ...Object.entries(smuggling).map(
    ([name, lines]): Attack => ({
      class: 'headers',
      name: `a request to SecureProxy with ${name}`,
      run: (scene) => smuggle(scene, lines),
    }),
  ),
  {
    class: 'headers',
    name: "the proxy's own Via comes back: a loop",
    run: (scene) => refused(scene, ['request_invalid'], {}, { headers: ['Via: 1.1 secureproxy'] }),
  },
  ...['cross-site', 'same-site'].map(
    (site): Attack => ({
      class: 'headers',
      name: `a page of another site in a browser (${site})`,
      run: (scene) =>
        refused(scene, ['request_invalid'], {}, { headers: [`Sec-Fetch-Site: ${site}`] }),
    }),
  ),
  {
    class: 'headers',
    name: 'a page of another origin in an older browser',
    run: (scene) =>
      refused(scene, ['request_invalid'], {}, { headers: ['Origin: https://evil.example'] }),
  },
  ...[true, false].map(
    (hasOrigin): Attack => ({
      class: 'headers',
      name: `a page with the proxy under a name of its own, ${hasOrigin ? 'with' : 'without'} Origin`,
      run: (scene) => rebound(scene, hasOrigin),
    }),
  ),
];

/** A browser's headers for a page at a name that resolves to the proxy. */
async function rebound(scene: Scene, hasOrigin: boolean): Promise<Outcome> {
  const before = scene.upstream.requests.length;
  const host = `evil.example:${new URL(scene.proxy).port}`;
  const body = JSON.stringify({
    ClientId: scene.clientId,
    TokenType: scene.tokenType,
    ApiUri: `${scene.origin}/v1/orders`,
  });
  const head = [
    'POST /request_api HTTP/1.1',
    `Host: ${host}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...(hasOrigin ? [`Origin: http://${host}`, `Authorization: Bearer ${scene.appKey}`] : []),
  ].join('\r\n');
  const answer = readAnswer(await exchangeBytes(scene.proxy, `${head}\r\n\r\n${body}`));
  const held =
    ['cross_site', 'host_untrusted'].includes(answer.reason) &&
    scene.upstream.requests.length === before;
  return { held, happened: describe(answer) };
}

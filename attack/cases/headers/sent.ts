import type { ReceivedRequest } from '../../../test/support/upstream.ts';
import type { Attack, Scene } from '../../scene/attack.ts';
import { arrives, refused, refusedOrClean } from '../../scene/judge.ts';

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Headers of a caller that must not arrive, or not unchanged. */
const notForwarded: Readonly<Record<string, Headers>> = {
  'the injected header': { Authorization: 'Bearer mine' },
  'the injected header in other letters': { aUTHORIZATION: 'Bearer mine' },
  'the injected header twice': { authorization: ['Bearer mine', 'Bearer mine too'] },
  'the injected header in two spellings': { Authorization: 'a', AUTHORIZATION: 'b' },
  'a Cookie': { Cookie: 'session=mine' },
  Forwarded: { Forwarded: 'for=10.0.0.1' },
  'X-Forwarded-Host': { 'X-Forwarded-Host': 'evil.example' },
  'X-Forwarded-For with an underscore': { X_Forwarded_For: '10.0.0.1' },
  'X-HTTP-Method-Override': { 'X-HTTP-Method-Override': 'DELETE' },
  'X-Original-URL': { 'X-Original-URL': '/admin' },
  'X-Rewrite-URL': { 'X-Rewrite-URL': '/admin' },
  'Proxy-Authorization': { 'Proxy-Authorization': 'Basic bWluZQ==' },
  'Proxy-Connection': { 'Proxy-Connection': 'keep-alive' },
  TE: { TE: 'trailers' },
  Trailer: { Trailer: 'X-Late' },
  Upgrade: { Upgrade: 'h2c' },
  'Keep-Alive': { 'Keep-Alive': 'timeout=1000' },
  'a header that Connection names': { Connection: 'X-Mine', 'X-Mine': '1' },
};

const ours = new Set(['authorization', 'connection', 'transfer-encoding', 'keep-alive']);

/** A fault if a header of the caller, or its value, arrived; the credential is checked separately. */
function forwarded(headers: Headers) {
  const names = Object.keys(headers)
    .map((name) => name.toLowerCase().replaceAll('_', '-'))
    .filter((name) => !ours.has(name));
  return (request: ReceivedRequest) => {
    const found = request.headers
      .map(([name]) => name.toLowerCase().replaceAll('_', '-'))
      .find((name) => names.includes(name));
    if (found !== undefined) return `${found} arrived`;
    return /mine|h2c/.test(request.head) ? 'a value of the caller arrived' : undefined;
  };
}

/** Headers that are not valid in any request. */
const malformed: Readonly<Record<string, Headers>> = {
  'a line break in a value': { 'X-A': 'a\r\nAuthorization: Bearer mine' },
  'a line feed in a value': { 'X-A': 'a\nX-Evil: 1' },
  'a carriage return in a value': { 'X-A': 'a\rX-Evil: 1' },
  'a NUL in a value': { 'X-A': 'a\u0000b' },
  'a line break in a name': { 'X-A\r\nX-Evil': '1' },
  'a colon in a name': { 'X-A: b\r\nX': '1' },
  'a space in a name': { 'Authorization ': 'Bearer mine' },
  'an empty name': { '': '1' },
  'a letter that is cut to a line feed': { 'X-A': 'a\u010aX-Evil: 1' },
  'a name outside ASCII': { 'X-\u0130': '1' },
};

/** Headers that frame a message. The request must arrive framed by its own body. */
const framing: Readonly<Record<string, Headers>> = {
  'Content-Length': { 'Content-Length': '1' },
  'Content-Length twice': { 'Content-Length': ['1', '5'] },
  'Transfer-Encoding': { 'Transfer-Encoding': 'chunked' },
  'both of them': { 'Content-Length': '1', 'Transfer-Encoding': 'chunked' },
  'Transfer-Encoding with a tab': { 'Transfer-Encoding': '\tchunked' },
  Host: { Host: 'evil.example' },
  'Expect: 100-continue': { Expect: '100-continue' },
};

function misframed(scene: Scene) {
  return ({ all }: ReceivedRequest) => {
    if (all('host').join() !== new URL(scene.origin).host) return `Host: ${all('host').join()}`;
    if (all('transfer-encoding').length > 0) return 'Transfer-Encoding arrived';
    return all('content-length').join() === '7'
      ? undefined
      : `Content-Length: ${all('content-length')}`;
  };
}

export const sentHeaderAttacks: readonly Attack[] = [
  ...Object.entries(notForwarded).map(
    ([name, Headers]): Attack => ({
      class: 'headers',
      name: `the caller sends ${name}`,
      run: (scene) => refusedOrClean(scene, { Headers, Method: 'GET' }, forwarded(Headers)),
    }),
  ),
  {
    class: 'headers',
    name: 'Connection names the injected header',
    run: (scene) =>
      arrives(scene, { Headers: { Connection: 'authorization, host, via' } }, () => undefined),
  },
  ...Object.entries(malformed).map(
    ([name, Headers]): Attack => ({
      class: 'headers',
      name: `the caller's header has ${name}`,
      run: (scene) => refused(scene, ['request_invalid'], { Headers }),
    }),
  ),
  ...Object.entries(framing).map(
    ([name, Headers]): Attack => ({
      class: 'headers',
      name: `the caller sends ${name}`,
      run: (scene) => refusedOrClean(scene, { Headers, Body: 'seven b' }, misframed(scene)),
    }),
  ),
  {
    class: 'headers',
    name: 'the injected query parameter, in an other spelling',
    ownOnly: true,
    run: (scene) =>
      refused(scene, ['request_invalid'], {
        TokenType: 'query',
        ApiUri: `${scene.origin}/v1?API%5fkey=mine`,
      }),
  },
];

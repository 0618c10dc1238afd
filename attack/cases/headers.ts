import {
  answers,
  type ReceivedRequest,
  writes,
  writesAndEnds,
} from '../../test/support/upstream.ts';
import type { Attack, Outcome, Scene } from '../attack.ts';
import { arrives, refused, refusedOrClean } from '../judge.ts';
import { call, describe, exchangeBytes, readAnswer } from '../wire.ts';

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Headers of a caller that must not arrive, or not as they are. */
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

/** The credential is checked by itself; of everything else nothing may have the caller's name. */
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

/** Headers that no request can have. */
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

/** Headers that frame a message; the request that arrives must be framed by its one body. */
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

/** What an upstream says of hops, sites and origins, and must not reach the caller. */
const notReturned: readonly (readonly [name: string, value: string])[] = [
  ['Set-Cookie', 'session=theirs; Domain=example'],
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Allow-Credentials', 'true'],
  ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
  ['Clear-Site-Data', '"*"'],
  ['Service-Worker-Allowed', '/'],
  ['Keep-Alive', 'timeout=1000'],
  ['Proxy-Authenticate', 'Basic realm="theirs"'],
  ['Upgrade', 'h2c'],
];

/** Answers that are no HTTP; the caller's connection must not carry them on. */
const brokenAnswers: Readonly<Record<string, string>> = {
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\nok',
  'a length and chunks':
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHTTP/\r\n0\r\n\r\n',
  'a line folded': 'HTTP/1.1 200 OK\r\nX-A: 1\r\n X-B: 2\r\nContent-Length: 2\r\n\r\nok',
  'a line break in a value':
    'HTTP/1.1 200 OK\r\nX-A: 1\rSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok',
  'a NUL in a value': 'HTTP/1.1 200 OK\r\nX-A: \u0000\r\nContent-Length: 2\r\n\r\nok',
  'a space before the colon': 'HTTP/1.1 200 OK\r\nSet-Cookie : a=1\r\nContent-Length: 2\r\n\r\nok',
  'a switch of protocols':
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  'a status below 100': 'HTTP/1.1 042 Odd\r\nContent-Length: 2\r\n\r\nok',
  'no HTTP at all': '220 mail.example ESMTP\r\n\r\n',
  'a head without an end': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(100_000)}\r\n`,
  'more than its length':
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\n\r\n',
};

/** The caller gets either a problem of ours, or one answer with nothing smuggled into its head. */
async function brokenAnswer(scene: Scene, bytes: string): Promise<Outcome> {
  scene.upstream.script(writesAndEnds(bytes));
  const answer = await call(scene);
  const smuggled =
    /^(?:set-cookie|x-evil|upgrade)/im.test(answer.head) || answer.body.includes('HTTP/1.1 200');
  return { held: !smuggled && answer.status >= 200, happened: describe(answer) };
}

/** Requests to SecureProxy itself that two parsers could read in two ways. */
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
  ...notReturned.map(
    ([name, value]): Attack => ({
      class: 'headers',
      name: `the upstream sends ${name}`,
      run: (scene) => {
        scene.upstream.script(answers(200, 'ok', [[name, value]]));
        return arrives(scene, {}, (_request, { head }) =>
          head.toLowerCase().includes(`${name.toLowerCase()}: ${value.toLowerCase()}`)
            ? 'the caller got it'
            : undefined,
        );
      },
    }),
  ),
  {
    class: 'headers',
    name: 'the upstream names a header in Connection',
    run: (scene) => {
      scene.upstream.script(
        answers(200, 'ok', [
          ['Connection', 'X-Hop'],
          ['X-Hop', '1'],
        ]),
      );
      return arrives(scene, {}, (_request, { head }) =>
        /^x-hop:/im.test(head) ? 'the caller got it' : undefined,
      );
    },
  },
  {
    class: 'headers',
    name: "the upstream forges the proxy's own words",
    run: (scene) => {
      scene.upstream.script(
        answers(200, 'ok', [['Proxy-Status', 'secureproxy; error=destination_denied']]),
      );
      return arrives(scene, {}, (_request, { head }) =>
        /^proxy-status:.*error=/im.test(head) ? 'the caller got them' : undefined,
      );
    },
  },
  {
    class: 'headers',
    name: 'the upstream sends trailers',
    run: (scene) => {
      scene.upstream.script(
        writes(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=1\r\n\r\n',
        ),
      );
      return arrives(scene, {}, (_request, { head, body }) =>
        /set-cookie: a/i.test(head + body.toString()) ? 'the caller got them' : undefined,
      );
    },
  },
  ...Object.entries(brokenAnswers).map(
    ([name, bytes]): Attack => ({
      class: 'headers',
      name: `the upstream answers with ${name}`,
      run: (scene) => brokenAnswer(scene, bytes),
    }),
  ),
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

import { answers, writes, writesAndEnds } from '../../../test/support/upstream.ts';
import type { Attack, Outcome, Scene } from '../../scene/attack.ts';
import { arrives } from '../../scene/judge.ts';
import { call, describe } from '../../scene/wire.ts';

/** Headers about hops, sites and origins, or to servers in front: they must not reach the caller. */
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
  ['X-Accel-Redirect', '/readyz'],
  ['X-Accel-Limit-Rate', '1'],
  ['X-Sendfile', '/etc/passwd'],
  ['X-LIGHTTPD-send-file', '/etc/passwd'],
  ['X-Reproxy-URL', 'http://169.254.169.254/'],
  ['X-LiteSpeed-Location', '/readyz'],
  ['Fly-Replay', 'app=theirs'],
  ['X-Body-Eval', 'SSI'],
  ['X-Esi', '1'],
  ['X-Envoy-Immediate-Health-Check-Fail', 'true'],
  ['Surrogate-Control', 'max-age=31536000'],
  ['CDN-Cache-Control', 'max-age=31536000'],
  ['X-Upstream-Location', 'https://evil.example/'],
];

/** Answers that are not HTTP: they must not be passed on to the caller's connection. */
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

/** Held if the caller gets our problem, or one answer whose head has nothing smuggled in. */
async function brokenAnswer(scene: Scene, bytes: string): Promise<Outcome> {
  scene.upstream.script(writesAndEnds(bytes));
  const answer = await call(scene);
  const smuggled =
    /^(?:set-cookie|x-evil|upgrade)/im.test(answer.head) || answer.body.includes('HTTP/1.1 200');
  return { held: !smuggled && answer.status >= 200, happened: describe(answer) };
}

export const returnedHeaderAttacks: readonly Attack[] = [
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
    name: 'the upstream lets caches in front answer strangers',
    run: (scene) => {
      scene.upstream.script(answers(200, 'ok', [['Cache-Control', 'public, s-maxage=60, x="']]));
      return arrives(scene, {}, (_request, { head }) =>
        /^cache-control: private,/im.test(head) ? undefined : 'they may',
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
];

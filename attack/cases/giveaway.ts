import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import {
  answer,
  answers,
  type Script,
  writes,
  writesAndEnds,
} from '../../test/support/upstream.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../scene/attack.ts';
import { givesNothingAway } from '../scene/judge.ts';
import { call, describe } from '../scene/wire.ts';

const every = (text: string, write: (code: number) => string) =>
  [...text].map((one) => write(one.charCodeAt(0))).join('');
const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0');

/** Letters and digits that the parser of a URL's host makes ASCII again. */
const fullWidth = (text: string) =>
  every(text.replace(/[^A-Za-z0-9]/g, ''), (code) =>
    encodeURIComponent(String.fromCharCode(code + 0xfee0)),
  );

/** Encodings in which an upstream could repeat a token. */
const forms: Readonly<Record<string, (token: string) => string>> = {
  plain: (token) => token,
  'plain, ten times': (token) => Array(10).fill(token).join(','),
  'plain, right behind its own beginning': (token) => token.slice(0, -1) + token,
  'in base64': (token) => Buffer.from(token).toString('base64'),
  'in base64, one byte in': (token) => Buffer.from(`a${token}`).toString('base64'),
  'in base64, two bytes in': (token) => Buffer.from(`ab${token}`).toString('base64'),
  'in base64url': (token) => Buffer.from(`Bearer ${token}`).toString('base64url'),
  'in hex': (token) => Buffer.from(token).toString('hex'),
  'in upper-case hex': (token) => Buffer.from(token).toString('hex').toUpperCase(),
  'URL-escaped, every letter': (token) => every(token, (code) => `%${hex(code, 2)}`),
  'URL-escaped in upper case': (token) => every(token, (code) => `%${hex(code, 2).toUpperCase()}`),
  'URL-escaped, one letter': (token) =>
    `${token.slice(0, 5)}%${hex(token.charCodeAt(5), 2)}${token.slice(6)}`,
  'JSON-escaped, every letter': (token) => every(token, (code) => `\\u${hex(code, 4)}`),
  'JSON-escaped in upper case': (token) =>
    every(token, (code) => `\\u${hex(code, 4).toUpperCase()}`),
  'JSON-escaped, one letter': (token) =>
    `${token.slice(0, 5)}\\u${hex(token.charCodeAt(5), 4)}${token.slice(6)}`,
  'JSON-escaped and URL-escaped in turn': (token) => {
    let i = 0;
    return every(token, (code) => (i++ % 2 === 0 ? `\\u${hex(code, 4)}` : `%${hex(code, 2)}`));
  },
};

const chunked = (pieces: readonly string[]) =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${pieces
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
    .join('')}0\r\n\r\n`;

/** Places of an answer in which an upstream could repeat it. */
const places: Readonly<Record<string, (token: string) => Script>> = {
  'in a header': (token) => answers(200, 'ok', [['X-Debug', `sent: Bearer ${token}`]]),
  'in two headers of one name': (token) =>
    answers(200, 'ok', [
      ['X-A', token],
      ['X-A', token],
    ]),
  'as the name of a header': (token) => answers(200, 'ok', [[token, '1']]),
  'in a cookie': (token) => answers(200, 'ok', [['Set-Cookie', `session=${token}`]]),
  'in Location': (token) => answers(302, '', [['Location', `https://evil.example/?t=${token}`]]),
  'in the host of Location, full-width and escaped': (token) =>
    answers(201, '', [['Location', `https://${fullWidth(token)}.evil.example/`]]),
  'in Location, with a dot segment in it': (token) =>
    answers(201, '', [['Location', `/${token.slice(0, 9)}%2e/../${token}`]]),
  'in an event stream': (token) =>
    answers(200, `data: ${token}\n\ndata: x\n\n`, [['Content-Type', 'text/event-stream']]),
  'in Link': (token) => answers(200, 'ok', [['Link', `<https://evil.example/${token}>`]]),
  'in WWW-Authenticate': (token) =>
    answers(401, '', [['WWW-Authenticate', `Bearer error="${token}"`]]),
  'in Proxy-Status': (token) => answers(200, 'ok', [['Proxy-Status', `x; details="${token}"`]]),
  'in the reason phrase': (token) => writes(`HTTP/1.1 200 ${token}\r\nContent-Length: 0\r\n\r\n`),
  'in an early hint': (token) =>
    writes(`HTTP/1.1 103 Early Hints\r\nLink: <${token}>\r\n\r\n`, answer(200, 'ok')),
  'in a trailer': (token) =>
    writes(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: ${token}\r\n\r\n`,
    ),
  'in a chunk extension': (token) =>
    writes(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;t=${token}\r\nok\r\n0\r\n\r\n`),
  'in an error page': (token) =>
    answers(500, `<pre>Authorization: Bearer ${token}</pre>`, [['Content-Type', 'text/html']]),
  'over chunks of one byte': (token) => writes(chunked([...`[${token}]`])),
  'over two chunks': (token) => writes(chunked([token.slice(0, 9), token.slice(9)])),
  'behind a mebibyte': (token) => answers(200, 'x'.repeat(1_048_576) + token),
  'at the end of an answer that breaks off': (token) =>
    writesAndEnds(`HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n${token}`),
  'in an answer without a length': (token) => writesAndEnds(`HTTP/1.1 200 OK\r\n\r\n${token}`),
  'in gzip': (token) => answers(200, gzipSync(token), [['Content-Encoding', 'gzip']]),
  'in x-gzip': (token) => answers(200, gzipSync(token), [['Content-Encoding', 'x-gzip']]),
  'in deflate': (token) => answers(200, deflateSync(token), [['Content-Encoding', 'deflate']]),
  'in br': (token) => answers(200, brotliCompressSync(token), [['Content-Encoding', 'br']]),
  'in gzip of two members': (token) =>
    answers(200, Buffer.concat([gzipSync(token.slice(0, 9)), gzipSync(token.slice(9))]), [
      ['Content-Encoding', 'gzip'],
    ]),
  'in gzip, in gzip': (token) =>
    answers(200, gzipSync(gzipSync(token)), [['Content-Encoding', 'gzip, gzip']]),
  'in gzip that is called none': (token) =>
    answers(200, gzipSync(token), [['Content-Encoding', 'identity']]),
  'in plain text that is called gzip': (token) =>
    answers(200, token, [['Content-Encoding', 'gzip']]),
  'in plain text that is called zstd': (token) =>
    answers(200, token, [['Content-Encoding', 'zstd']]),
  'in gzip that breaks off': (token) =>
    answers(200, gzipSync(`${token}${'x'.repeat(999)}`).subarray(0, -12), [
      ['Content-Encoding', 'gzip'],
    ]),
  'in a part that nobody asked for': (token) =>
    answers(206, token, [['Content-Range', 'bytes 0-99/100']]),
  'in several parts': (token) =>
    answers(200, token, [['Content-Type', 'multipart/byteranges; boundary=x']]),
};

const minted = 'minted-credential-0123456789';

/** Answers with a new credential in a member that the type redacts. */
const mintings: Readonly<Record<string, Script>> = {
  'in an answer to a token request': answers(
    200,
    JSON.stringify({ access_token: minted, expires_in: 3600 }),
  ),
  'in an error': answers(400, JSON.stringify({ error: 'x', refresh_token: minted })),
  nested: answers(200, JSON.stringify({ a: [{ b: { access_token: { value: [minted] } } }] })),
  'under an escaped name': answers(200, `{"access\\u005ftoken":"${minted}"}`),
  twice: answers(200, `{"access_token":"x","access_token":"${minted}"}`),
  'over chunks of one byte': writes(chunked([...JSON.stringify({ access_token: minted })])),
  'in gzip': answers(200, gzipSync(JSON.stringify({ access_token: minted })), [
    ['Content-Encoding', 'gzip'],
  ]),
  'called text': answers(200, JSON.stringify({ access_token: minted }), [
    ['Content-Type', 'text/plain'],
  ]),
  'in a form': answers(200, `access_token=${minted}&expires_in=3600`, [
    ['Content-Type', 'application/x-www-form-urlencoded'],
  ]),
  'behind a blank line of what is called an event stream': answers(
    200,
    `{"access_token":\n\n"${minted}"}`,
    [['Content-Type', 'text/event-stream']],
  ),
  'in the event that follows its name': answers(200, `data: access_token\n\ndata: ${minted}\n\n`, [
    ['Content-Type', 'text/event-stream'],
  ]),
  'in JSON that is broken': answers(200, `{"a": tru, "access_token": "${minted}"`),
};

async function mints(scene: Scene, script: Script): Promise<Outcome> {
  scene.upstream.script(script);
  const got = await call(scene, { TokenType: 'minting' });
  const isOut = (got.head + got.body.toString('latin1')).includes(minted);
  return { held: !isOut, happened: `${describe(got)}${isOut ? ', with the credential' : ''}` };
}

/** The redaction tells the app which guess was right, so the operator must be told of the app. */
async function guesses(scene: Scene): Promise<Outcome> {
  const { token } = scene;
  const wrong = Array.from({ length: 1000 }, (_, i) => `${token.slice(0, -4)}${1000 + i}`);
  const outcome = await givesNothingAway(
    scene,
    (socket, { body }) => void socket.write(answer(200, body)),
    { Body: wrong.toSpliced(500, 0, token).join(' ') },
  );
  const isTold = /"app":"orders","msg":"app sent the secret/.test(await ownOf(scene).printed());
  return {
    held: outcome.held && isTold,
    happened: `${outcome.happened}, ${isTold ? 'an alarm' : 'no alarm'}`,
  };
}

export const giveawayAttacks: readonly Attack[] = [
  ...Object.entries(forms).map(
    ([name, form]): Attack => ({
      class: 'giveaway',
      name: `the upstream repeats the token ${name}`,
      run: (scene) => givesNothingAway(scene, answers(200, `{"a":"${form(scene.token)}"}`)),
    }),
  ),
  ...Object.entries(places).map(
    ([name, place]): Attack => ({
      class: 'giveaway',
      name: `the upstream repeats the token ${name}`,
      run: (scene) =>
        givesNothingAway(scene, place(scene.token), {
          Headers: { 'Accept-Encoding': 'gzip, br, zstd', Range: 'bytes=0-99' },
        }),
    }),
  ),
  {
    class: 'giveaway',
    name: 'the upstream repeats a basic credential',
    ownOnly: true,
    run: (scene) =>
      givesNothingAway(
        scene,
        (socket, request) => void socket.write(answer(401, request.all('authorization').join())),
        { TokenType: 'basic' },
      ),
  },
  {
    class: 'giveaway',
    name: 'the upstream repeats the URL with the token in its query',
    ownOnly: true,
    run: (scene) =>
      givesNothingAway(
        scene,
        (socket, request) =>
          void socket.write(answer(302, request.target, [['Location', request.target]])),
        { TokenType: 'query' },
      ),
  },
  {
    class: 'giveaway',
    name: 'the app has its guesses repeated, one of them the token',
    ownOnly: true,
    run: guesses,
  },
  ...Object.entries(mintings).map(
    ([name, script]): Attack => ({
      class: 'giveaway',
      name: `the upstream mints a credential ${name}`,
      ownOnly: true,
      run: (scene) => mints(scene, script),
    }),
  ),
];

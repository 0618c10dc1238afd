import t from 'tap';
import { newSession, postJson, releaseRequest } from '../support/exchange-client.ts';
import { startKeyserver } from '../support/keyserver.ts';
import { readRaw, sendRaw } from '../support/raw-http.ts';
import { startScene, wanted } from './scene.ts';

/** A problem as it is seen, checked to be of the one form. */
async function problemOf(response: Response) {
  const { headers, status } = response;
  const problem = (await response.json()) as Record<string, unknown>;
  return { status, type: headers.get('content-type'), headers, problem };
}

const problemType = 'application/problem+json';

t.test('POST / takes no unknown member and converts no type', async (t) => {
  const { keyserver, credential } = await startScene(t);
  const session = newSession(keyserver.rsaKeys.primary.publicKeyPem);
  const request = releaseRequest(session, { ...wanted, credential }, keyserver.clock);
  const timestamp = request.timestamp ?? 0;
  const bodies: [string, unknown][] = [
    ['an unknown member', { ...request, explain: true }],
    ['a member in other case', { ...request, ClientId: 'x' }],
    ['a timestamp as text', { ...request, timestamp: String(timestamp) }],
    ['a timestamp with a fraction', { ...request, timestamp: timestamp + 0.5 }],
    ['a negative timestamp', { ...request, timestamp: -1 }],
    ['null for a timestamp', { ...request, timestamp: null }],
    ['a number for a client', { ...request, clientId: 1 }],
    ['true for a client', { ...request, clientId: true }],
    ['a list for a client', { ...request, clientId: ['shop-1'] }],
    ['an object for a client', { ...request, clientId: {} }],
    ['null for a client', { ...request, clientId: null }],
    ['an empty client', { ...request, clientId: '' }],
    ['no client', { ...request, clientId: undefined }],
    ['no type', { ...request, tokenType: undefined }],
    ['a list for a type', { ...request, tokenType: ['ozon-seller'] }],
    ['a short nonce', { ...request, nonce: 'n'.repeat(15) }],
    ['a long nonce', { ...request, nonce: 'n'.repeat(65) }],
    ['a nonce with a line break', { ...request, nonce: `${'n'.repeat(16)}\n` }],
    ['a nonce in Cyrillic', { ...request, nonce: 'н'.repeat(16) }],
    ['a number for a nonce', { ...request, nonce: 1_000_000_000_000_000 }],
    ['a list for a session key', { ...request, sessionKey: ['AAAA'] }],
    ['a long session key', { ...request, sessionKey: 'A'.repeat(2049) }],
    ['a long ticket', { ...request, session: 'A'.repeat(1025) }],
    ['a long key id', { ...request, keyId: 'A'.repeat(65) }],
    ['null for a key id', { ...request, keyId: null }],
    ['a long credential', { ...request, credential: 'A'.repeat(98_305) }],
    ['null for a credential', { ...request, credential: null }],
    ['a list', [request]],
    ['20,000 lists in each other', '['.repeat(20_000) + ']'.repeat(20_000)],
    ['a text', '"text"'],
    ['null', 'null'],
  ];
  for (const [title, body] of bodies) {
    const { status, text, headers } = await postJson(keyserver.url, body);
    const { code, reason } = JSON.parse(text);
    t.same(
      { status, code, reason },
      { status: 400, code: 'request_invalid', reason: 'schema' },
      title,
    );
    t.equal(headers.get('content-type'), problemType, title);
  }
  t.equal((await postJson(keyserver.url, request)).status, 200);
});

t.test('a body that does not parse is refused without being quoted', async (t) => {
  const { url, ...keyserver } = await startKeyserver(t);
  const hidden = 'hidden-in-the-body';
  for (const body of [
    `{"clientId": "${hidden}"`,
    `{"clientId": ${hidden}}`,
    `${hidden}`,
    `{"clientId": "${hidden}",}`,
    `{"clientId": "${hidden}"}`.repeat(2),
    `{"__proto__": {"${hidden}": 1}}`,
    `{"constructor": {"prototype": {"${hidden}": 1}}}`,
    '',
    '\u0000',
    '\ufeff{}',
  ]) {
    const { status, text } = await postJson(url, body);
    t.equal(status, 400, body);
    t.match(JSON.parse(text), { code: 'request_invalid' }, body);
    t.notMatch(text, hidden);
  }
  t.notMatch(keyserver.logText(), hidden);
});

t.test('says which media types and sizes it does not take', async (t) => {
  const { url } = await startKeyserver(t);
  const post = (body: string, headers: Record<string, string>) =>
    fetch(url, { method: 'POST', body, headers });
  for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'x']) {
    const { status, problem, ...answer } = await problemOf(
      await post('{}', { 'content-type': type }),
    );
    t.match(
      { status, problem },
      { status: 415, problem: { code: 'media_type_unsupported' } },
      type,
    );
    t.equal(answer.type, problemType);
  }
  const large = JSON.stringify({ ...wanted, sessionKey: 'A'.repeat(131_072) });
  const answer = await problemOf(await post(large, { 'content-type': 'application/json' }));
  t.match(answer, { status: 413, type: problemType, problem: { code: 'body_too_large' } });
  const chunked = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Blob([large]).stream(),
    duplex: 'half',
  } as RequestInit);
  t.match(await problemOf(chunked), { status: 413, problem: { code: 'body_too_large' } });
});

t.test('a question whose sender is not known yet is short', async (t) => {
  const { url } = await startKeyserver(t);
  const post = async (path: string, chars: number) => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ session: 'A'.repeat(chars) }),
    });
    return (await problemOf(answer)).problem.code;
  };
  for (const path of ['/changes', '/whoami']) {
    t.same(
      [await post(path, 8_000), await post(path, 9_000)],
      ['request_invalid', 'body_too_large'],
    );
  }
  t.same(
    [await post('/public_key', 9_000), await post('/', 9_000)],
    ['body_too_large', 'request_invalid'],
  );
});

t.test('tells what it does not have from what it takes by another method', async (t) => {
  const { url } = await startKeyserver(t);
  for (const [method, path] of [
    ['GET', '/nothing'],
    ['POST', '/public_key/'],
    ['POST', '/Public_Key'],
    ['GET', '//'],
    ['DELETE', '/x?y=1'],
    ['GET', '/errors'],
    ['GET', '/.git/config'],
  ] as const) {
    const answer = await problemOf(await fetch(url + path, { method }));
    const expected = { status: 404, type: problemType, problem: { code: 'route_not_found' } };
    t.match(answer, expected, `${method} ${path}`);
    t.notOk(Object.hasOwn(answer.problem, 'detail'), 'nothing is said of other routes');
    t.equal(answer.headers.get('allow'), null);
  }
  for (const [method, path, allow] of [
    ['GET', '/', 'POST'],
    ['PUT', '/?x=1', 'POST'],
    ['DELETE', '/public_key', 'GET, HEAD, POST'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['OPTIONS', '/readyz', 'GET, HEAD'],
    ['POST', '/errors/internal', 'GET, HEAD'],
  ] as const) {
    const answer = await problemOf(await fetch(url + path, { method }));
    const expected = { status: 405, type: problemType, problem: { code: 'method_not_allowed' } };
    t.match(answer, expected, `${method} ${path}`);
    t.equal(answer.headers.get('allow'), allow);
  }
});

t.test('answers other methods of HTTP in its own form', async (t) => {
  const { url } = await startKeyserver(t);
  for (const [method, status] of [
    ['TRACE', 405],
    ['PROPFIND', 405],
    ['SEARCH', 405],
  ] as const) {
    const answer = await sendRaw(
      url,
      `${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    t.equal(readRaw(answer).status, status, method);
    t.match(readRaw(answer).head, /content-type: application\/problem\+json/i);
    t.match(readRaw(answer).head, /^allow: POST\r?$/im);
  }
});

t.test('a URL with a bad escape is a problem like any other', async (t) => {
  const { url } = await startKeyserver(t);
  for (const path of ['/%', '/%zz', '/errors/%c3%28', '/errors/%', '/public_key%']) {
    const answer = await sendRaw(
      url,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc\r\nConnection: close\r\n\r\n`,
    );
    const { status, head, problem } = readRaw(answer);
    t.match(
      { status, problem },
      { status: 400, problem: { code: 'request_invalid', requestId: 'abc' } },
      path,
    );
    t.match(head, /content-type: application\/problem\+json/i);
  }
});

t.test('bytes that are not HTTP get one answer and no more', async (t) => {
  const { url, app } = await startKeyserver(t);
  for (const [title, bytes] of [
    ['no HTTP', 'hello\r\n\r\n'],
    ['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}',
    ],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'chunks without a size',
      // With a type that is taken, for what is refused by its head alone is answered before.
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['a bare CR in a header', 'GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n'],
    ['NUL in a header', 'GET / HTTP/1.1\r\nHost: x\u0000\r\n\r\n'],
    ['HTTP/9', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\n y: z\r\n\r\nz\r\n\r\n'],
  ] as const) {
    const { status, problem, head } = readRaw(await sendRaw(url, bytes));
    t.match({ status, problem }, { status: 400, problem: { code: 'request_invalid' } }, title);
    t.match(head, /Connection: close/i, title);
  }
  t.equal((await app.inject('/healthz')).statusCode, 200);
});

t.test('a path in bytes beyond ASCII is refused with advice', async (t) => {
  const { url } = await startKeyserver(t);
  const { problem } = readRaw(await sendRaw(url, 'GET /caf\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n'));
  t.match(problem, { reason: 'http', detail: /encode characters other than ASCII/ });
});

t.test('huge headers are refused', async (t) => {
  const { url } = await startKeyserver(t);
  const header = `X: ${'x'.repeat(20_000)}\r\n`;
  const { status, problem } = readRaw(
    await sendRaw(url, `GET / HTTP/1.1\r\nHost: x\r\n${header}\r\n`),
  );
  t.match(
    { status, problem },
    {
      status: 400,
      problem: {
        code: 'request_invalid',
        reason: 'http',
        detail: /Headers are limited to \d+ bytes/,
      },
    },
  );
});

t.test('whoever is still sending when refused can read why', async (t) => {
  const { url } = await startKeyserver(t);
  const bytes = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(1024 * 1024)}\r\n\r\n`;
  // Whether an unread byte is left as the connection closes is chance.
  for (let i = 0; i < 20; i++) {
    const { status, problem } = readRaw(await sendRaw(url, bytes));
    t.match({ status, problem }, { status: 400, problem: { code: 'request_invalid' } });
  }
});

t.test('a request id is taken over in one form only, and made otherwise', async (t) => {
  const { url } = await startKeyserver(t);
  const made = /^[0-9a-f-]{36}$/;
  for (const [given, isTaken] of [
    ['a', true],
    ['Az0_.-', true],
    ['x'.repeat(64), true],
    ['x'.repeat(65), false],
    ['', false],
    ['a b', false],
    ['a,b', false],
    ['{"a":1}', false],
    ['é', false],
    ['<script>', false],
  ] as const) {
    const response = await fetch(`${url}/nothing`, { headers: { 'x-request-id': given } });
    const { requestId } = (await response.json()) as { requestId: string };
    t.equal(response.headers.get('x-request-id'), requestId);
    if (isTaken) t.equal(requestId, given);
    else t.match(requestId, made, given);
  }
  const twice =
    'GET /nothing HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\nX-Request-Id: b\r\nConnection: close\r\n\r\n';
  t.match(readRaw(await sendRaw(url, twice)).problem.requestId, made, 'two of them are none');
});

t.test('refuses every request of a page, on every route', async (t) => {
  const keyserver = await startKeyserver(t);
  for (const [method, path] of [
    ['GET', '/public_key'],
    ['GET', '/readyz'],
    ['GET', '/nothing'],
    ['POST', '/'],
    ['POST', '/changes'],
    ['OPTIONS', '/'],
  ] as const) {
    for (const origin of ['https://evil.example', keyserver.url, 'null']) {
      const response = await fetch(keyserver.url + path, { method, headers: { origin } });
      const { status, problem } = await problemOf(response);
      t.match(
        { status, problem },
        { status: 400, problem: { code: 'request_invalid', reason: 'cross_site' } },
      );
      t.notOk(response.headers.has('access-control-allow-origin'));
    }
  }
  t.equal((await fetch(`${keyserver.url}/public_key`)).status, 200);
});

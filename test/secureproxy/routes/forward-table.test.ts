import { gzipSync } from 'node:zlib';
import t from 'tap';
import { releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';
import {
  type Act,
  exchange,
  type Sent,
  startWireUpstream,
  type WireMessage,
} from '../../support/wire.ts';

interface Behaviour {
  readonly name: string;
  /** Method and target; default `GET /v1/orders`. */
  readonly line?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
  readonly more?: Omit<Sent, 'bytes'>;
  /** Bytes of the answer, once the request is whole; default 200. */
  readonly answer?: string | Buffer;
  /** In place of {@link answer}. */
  readonly act?: Act;
}

/** Headers that a proxy adds or changes on the way to the upstream (docs/forward.md, "Differences"). */
const notSame = new Set(['host', 'connection', 'via', 'authorization', 'keep-alive', 'expect']);
/** The same on the way back. */
const notSameBack = new Set([
  'cache-control',
  'via',
  'proxy-status',
  'content-security-policy',
  'x-content-type-options',
  'x-request-id',
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
]);

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';
const head = (status: number, ...headers: string[]) =>
  `HTTP/1.1 ${status} Some\r\n${headers.map((one) => `${one}\r\n`).join('')}\r\n`;
const chunked = (...parts: string[]) =>
  parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');

const methods: Behaviour[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].flatMap(
  (method) => [
    {
      name: `${method} without a body`,
      line: `${method} /v1/orders`,
      ...(method === 'HEAD' && { more: { isHead: true } }),
    },
    ...(method === 'HEAD'
      ? []
      : [
          { name: `${method} with a length`, line: `${method} /v1/orders`, body: '{"a":1}' },
          {
            name: `${method} in chunks`,
            line: `${method} /v1/orders`,
            headers: ['Transfer-Encoding: chunked'],
            body: `${chunked('{"a"', ':1}')}0\r\n\r\n`,
          },
        ]),
  ],
);

const targets: Behaviour[] = [
  '/',
  '/v1',
  '/v1/',
  '/v1//orders',
  '/v1/orders/',
  '/v1/AB%2F12',
  '/v1/ab%2f12',
  '/v1/50%25',
  '/v1/50%',
  '/v1/%zz',
  '/v1/RED%3BXL',
  '/v1/a;b=c',
  '/v1/a,b',
  '/v1/a+b',
  '/v1/a%20b',
  '/v1/a:b@c',
  '/v1/a!$&()*=',
  '/v1/%D1%8F',
  '/v1/%FF',
  `/v1/${'x'.repeat(3000)}`,
  '/v1/a...b',
  '/v1/~user/x',
  '/v1/-._~',
  '/v1/orders?',
  '/v1/orders?a=1',
  '/v1/orders?a=1&a=2&a=',
  '/v1/orders?a&b&&c',
  '/v1/orders?a=b=c',
  '/v1/orders?q=%2F%3F%23',
  '/v1/orders?q=a+b%20c',
  '/v1/orders?q=a;b',
  '/v1/orders?q=/x/../y?z',
  '/v1/orders?q[]=1&q[x]=2',
  '/v1/orders?q=%zz%',
  '/v1/orders?q=[1,2]',
  `/v1/orders?q=${'y'.repeat(3000)}`,
].map((target) => ({ name: `target ${target.slice(0, 40)}`, line: `GET ${target}` }));

const statuses: Behaviour[] = [
  200, 201, 202, 203, 204, 205, 300, 304, 400, 401, 402, 403, 404, 405, 406, 409, 410, 412, 413,
  415, 418, 422, 428, 429, 451, 500, 501, 502, 503, 504, 511, 599,
].map((status) => ({
  name: `status ${status}`,
  answer:
    status === 204 || status === 304
      ? head(status, 'ETag: "v1"')
      : `${head(status, 'Content-Type: application/json', 'Content-Length: 2')}{}`,
}));

const zipped = gzipSync('hello');
const bodies: Behaviour[] = [
  { name: 'an empty body with a length', line: 'POST /v1', headers: ['Content-Length: 0'] },
  { name: 'no content type', line: 'POST /v1', body: 'x' },
  {
    name: 'a content type that is none',
    line: 'POST /v1',
    headers: ['Content-Type: ;;'],
    body: 'x',
  },
  { name: 'text', line: 'POST /v1', headers: ['Content-Type: text/plain'], body: 'x' },
  {
    name: 'a form',
    line: 'POST /v1',
    headers: ['Content-Type: application/x-www-form-urlencoded'],
    body: 'a=1&b=%20',
  },
  {
    name: 'parts',
    line: 'POST /v1',
    headers: ['Content-Type: multipart/form-data; boundary=x'],
    body: '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
  },
  {
    name: 'JSON that is none',
    line: 'POST /v1',
    headers: ['Content-Type: application/json'],
    body: '{',
  },
  {
    name: 'a coded request',
    line: 'POST /v1',
    headers: ['Content-Encoding: gzip'],
    body: zipped,
  },
  { name: 'bytes', line: 'PUT /v1', body: Buffer.from([0, 255, 128, 13, 10, 0]) },
  { name: 'a large body', line: 'PUT /v1', body: Buffer.alloc(300_000, 'ab') },
  {
    name: 'a large body in chunks',
    line: 'PUT /v1',
    headers: ['Transfer-Encoding: chunked'],
    body: `${chunked('x'.repeat(70_000), 'y'.repeat(70_000))}0\r\n\r\n`,
  },
  {
    name: 'an expectation',
    line: 'POST /v1',
    headers: ['Content-Length: 5', 'Expect: 100-continue'],
    more: { afterContinue: 'hello' },
  },
];

const answers: Behaviour[] = [
  {
    name: 'a coded answer',
    answer: Buffer.concat([
      Buffer.from(head(200, 'Content-Encoding: gzip', `Content-Length: ${zipped.length}`)),
      zipped,
    ]),
  },
  {
    name: 'an answer in chunks',
    answer: `${head(200, 'Transfer-Encoding: chunked')}${chunked('a', 'bc')}0\r\n\r\n`,
  },
  {
    name: 'an answer up to the end',
    act: async (socket, whole) => {
      await whole;
      socket.end(`${head(200, 'Connection: close')}until the end`);
    },
  },
  { name: 'an empty answer', answer: head(200, 'Content-Length: 0') },
  {
    name: 'HEAD with a length',
    line: 'HEAD /v1',
    more: { isHead: true },
    answer: head(200, 'Content-Length: 12345'),
  },
  {
    name: 'a range',
    headers: ['Range: bytes=0-1'],
    answer: `${head(206, 'Content-Range: bytes 0-1/5', 'Content-Length: 2')}he`,
  },
  { name: 'a condition', headers: ['If-None-Match: "v1"'], answer: head(304, 'ETag: "v1"') },
  {
    name: 'two headers of a name',
    answer: head(200, 'Warning: a', 'Warning: b', 'Content-Length: 0'),
  },
  {
    name: 'a large header',
    answer: head(200, `X-Large: ${'x'.repeat(8000)}`, 'Content-Length: 0'),
  },
  {
    name: 'an early hint',
    act: async (socket, whole) => {
      await whole;
      socket.write(`HTTP/1.1 102 Processing\r\n\r\n${ok}`);
    },
  },
  {
    name: 'events',
    answer: `${head(200, 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked')}${chunked('data: 1\n\n', 'data: 2\n\n')}0\r\n\r\n`,
  },
  {
    name: 'trailers',
    answer: `${head(200, 'Transfer-Encoding: chunked')}${chunked('a')}0\r\nX-Sum: 1\r\n\r\n`,
  },
  {
    name: 'a large answer',
    answer: `${head(200, 'Content-Length: 400000')}${'z'.repeat(400_000)}`,
  },
  {
    name: 'an answer that breaks off',
    act: async (socket, whole) => {
      await whole;
      socket.end(`${head(200, 'Content-Length: 10')}half`);
    },
  },
  {
    name: 'chunks that break off',
    act: async (socket, whole) => {
      await whole;
      socket.end(`${head(200, 'Transfer-Encoding: chunked')}${chunked('half')}`);
    },
  },
  {
    name: 'an answer before the body came',
    line: 'POST /v1',
    headers: ['Content-Length: 100000'],
    body: 'the beginning',
    act: (socket) => void socket.end(`${head(413, 'Content-Length: 3', 'Connection: close')}big`),
  },
  {
    name: 'a slow answer',
    act: async (socket, whole) => {
      await whole;
      for (const byte of ok) {
        socket.write(byte);
        await new Promise(setImmediate);
      }
    },
  },
];

const headers: Behaviour[] = [
  {
    name: 'own headers',
    headers: ['X-Own: 1', 'x-OWN-2: a, b', 'Accept: */*', 'User-Agent: sdk/1'],
  },
  { name: 'a header twice', headers: ['X-Own: 1', 'X-Own: 2'] },
  { name: 'an empty header', headers: ['X-Own:'] },
  { name: 'large headers', headers: [`X-Own: ${'x'.repeat(6000)}`] },
  { name: 'a request id', headers: ['X-Request-Id: of-the-caller'] },
  {
    name: 'a trace',
    headers: ['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  },
  { name: 'accepted codings', headers: ['Accept-Encoding: zstd, br'] },
];

const table = [...methods, ...targets, ...statuses, ...bodies, ...answers, ...headers];

/** Redirects, cookies, dot segments and WebSockets are in forward.test.ts: there the two differ. */
t.test('a forwarded request is like a direct one', { timeout: 120_000 }, async (t) => {
  const upstream = await startWireUpstream(t);
  const origin = `http://localhost:${upstream.port}`;
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [origin], scrub: false }),
  });
  t.ok(table.length >= 80, `${table.length} behaviours`);
  const run = async (port: number, base: string, behaviour: Behaviour) => {
    const { line = 'GET /v1/orders', headers = [], body = '', more = {}, answer = ok } = behaviour;
    const [method, target] = line.split(' ');
    upstream.next(
      behaviour.act ??
        (async (socket, whole) => {
          await whole;
          socket.write(answer);
        }),
    );
    const hasLength = body === '' || headers.some((one) => /^(?:content-l|transfer-e)/i.test(one));
    const fields = [
      'Host: localhost',
      `Authorization: Bearer ${someAppKey}`,
      ...headers,
      ...(hasLength ? [] : [`Content-Length: ${body.length}`]),
    ];
    const sent = `${method} ${base}${target} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`;
    const answered = await exchange(port, {
      bytes: Buffer.concat([Buffer.from(sent), Buffer.from(body)]),
      ...more,
    });
    const isEarly = behaviour.act !== undefined && /before/.test(behaviour.name);
    return {
      arrived: isEarly ? undefined : withLength(seen(await upstream.last(), notSame)),
      answered: { ...seen(answered, notSameBack), interim: answered.interim.length > 0 },
    };
  };
  for (const behaviour of table) {
    const direct = await run(upstream.port, '', withoutInterim(behaviour, true));
    const forwarded = await run(proxy.port, '/forward/shop-1/ozon', behaviour);
    t.strictSame(forwarded, { ...direct, ...interimOf(behaviour, direct) }, behaviour.name);
  }
});

/** Directly, nothing answers an expectation but the upstream. */
function withoutInterim(behaviour: Behaviour, isDirect: boolean): Behaviour {
  if (!isDirect || behaviour.more?.afterContinue === undefined) return behaviour;
  return {
    ...behaviour,
    act: async (socket, whole) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      await whole;
      socket.write(ok);
    },
  };
}

/** Without a body, a length of zero is added to methods that expect one (RFC 9110 §8.6). */
function withLength(message: ReturnType<typeof seen>) {
  const headers = message.headers.filter(
    ([name, value]) => name !== 'content-length' || value !== '0',
  );
  return { ...message, headers };
}

/** Interim answers of an upstream are for the connection to it. */
function interimOf({ name }: Behaviour, { answered }: { readonly answered: object }) {
  return name === 'an early hint' ? { answered: { ...answered, interim: false } } : {};
}

function seen({ start, headers, body, isWhole }: WireMessage, ignored: ReadonlySet<string>) {
  const [first = '', second = ''] = start.split(' ');
  return {
    start: first.startsWith('HTTP')
      ? second
      : `${first} ${second.replace('/forward/shop-1/ozon', '')}`,
    headers: headers.filter(([name]) => !ignored.has(name)).toSorted(),
    body: body.toString('latin1'),
    isWhole,
  };
}

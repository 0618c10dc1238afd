import type { Test } from 'tap';
import { answer, type Script, startUpstream } from '../support/upstream.ts';

export const silentPath = '/fault/silence';

/** Ways in which the upstream fails, by path. */
const faults: Readonly<Record<string, Script>> = {
  '/fault/reset': (socket) => void socket.destroy(),
  [silentPath]: () => undefined,
  '/fault/no-http': (socket) => void socket.end('this is no HTTP\r\n\r\n'),
  '/fault/cut-head': (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-'),
  '/fault/cut-body': (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut'),
  '/fault/bad-chunk': (socket) =>
    void socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
  '/fault/long-head': (socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`),
  '/fault/500': (socket) => void socket.write(answer(500, 'the upstream failed')),
  '/fault/503': (socket) => void socket.write(answer(503, 'the upstream is busy')),
};
export const faultPaths = Object.keys(faults);

const statuses = [200, 201, 204, 301, 304, 400, 401, 404, 409, 429];

/** An upstream that fails if its path says so, and else answers one status or another. */
export async function startFailingUpstream(
  t: Test,
  secrets: { readonly tokens: () => readonly string[]; readonly appKey: () => string },
) {
  const upstream = await startUpstream(t);
  const wrong: string[] = [];
  let requests = 0;
  upstream.script((socket, request) => {
    // They would be kept for assertions otherwise.
    upstream.requests.length = 0;
    requests += 1;
    const [authorization = '', ...others] = request.all('authorization');
    if (others.length > 0 || !secrets.tokens().includes(authorization.replace('Bearer ', ''))) {
      wrong.push(`a request without the client's token: ${request.method} ${request.target}`);
    }
    if (request.head.includes(secrets.appKey())) wrong.push('a request with the app key');
    const [path = ''] = request.target.split('?');
    const fault = faults[path];
    if (fault) return fault(socket, request);
    const status = statuses[request.target.length % statuses.length] ?? 200;
    const hasBody = request.method !== 'HEAD' && status !== 204 && status !== 304;
    socket.write(answer(status, hasBody ? 'an answer' : ''));
  });
  return {
    origin: upstream.url,
    /** Input that must not have arrived. */
    wrong,
    requests: () => requests,
  };
}

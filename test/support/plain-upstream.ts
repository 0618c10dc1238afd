import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

/** Starts a plain http server on a free port of 127.0.0.1, for one test; resolves to its origin. */
export async function startPlainUpstream(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers every request with 200 and {@link showOf} the token that came with it, as JSON. */
export const showAuthorization: RequestListener = (request, response) => {
  request.resume();
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(showOf(request.headers.authorization)));
};

/** Tells which Authorization came, if the proxy would not let the header itself pass. */
export function showOf(authorization = ''): { authorizationHash: string } {
  return { authorizationHash: createHash('sha256').update(authorization).digest('hex') };
}

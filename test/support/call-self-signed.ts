import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Client } from 'undici';
import { guardedConnector } from '../../secureproxy/guard/guarded-connector.ts';
import { systemLookup } from '../../secureproxy/guard/lookup.ts';
import { createOwnListeners } from '../../secureproxy/guard/own-listeners.ts';
import { KeyserverHttp } from '../../secureproxy/keyserver-client/http.ts';
import { upstreamError } from '../../secureproxy/upstream/errors.ts';
import { addressSet } from '../../shared/address/address-set.ts';
import type { ServiceError } from '../../shared/errors.ts';
import { selfSigned } from './certificates.ts';

// A program of its own, since NODE_TLS_REJECT_UNAUTHORIZED is for whole processes. It calls a server
// with a self-signed certificate in the ways there are and prints how each ended.
const server = createServer(await selfSigned(), (_request, response) => response.end('{}'));
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
const url = new URL(`https://localhost:${(server.address() as AddressInfo).port}/`);
const client = new Client(url.origin, {
  connect: guardedConnector({
    origin: url,
    allowed: addressSet(['127.0.0.0/8', '::1/128']),
    ownListeners: createOwnListeners([]),
    connectTimeoutMs: 5000,
    ca: undefined,
    lookup: systemLookup,
  }),
});
const keyserver = new KeyserverHttp({ connections: 1, timeoutMs: 200 });

async function outcome(call: Promise<{ status: number }>): Promise<unknown> {
  try {
    return (await call).status;
  } catch (error) {
    return upstreamError(error as ServiceError).options.reason;
  }
}

const outcomes = {
  fetch: await outcome(fetch(url)),
  upstream: await outcome(
    client.request({ path: '/', method: 'GET' }).then(({ statusCode }) => ({ status: statusCode })),
  ),
  keyserver: await outcome(keyserver.post(url, () => '{}', {})),
};
process.stdout.write(JSON.stringify(outcomes));
process.exit(0);

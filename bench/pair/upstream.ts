/**
 * The process of the benchmark's marketplace: answers with a small JSON as fast as Node can, or below `/bytes/`
 * with a JSON of that many bytes. With TLS_CERT_FILE and TLS_KEY_FILE it speaks TLS at PORT and plain http at
 * OPS_PORT; ADDRESSES is the number of addresses at which it listens (addresses.ts).
 */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type Server } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { upstreamAddresses } from './addresses.ts';

const { PORT, OPS_PORT, TLS_CERT_FILE, TLS_KEY_FILE, ADDRESSES = '1' } = process.env;

const small = Buffer.from(
  JSON.stringify({
    result: {
      items: Array.from({ length: 3 }, (_, i) => ({
        product_id: 10_017 + i,
        offer_id: `pot-${i}`,
      })),
      total: 3,
      last_id: '',
    },
  }),
);
/** About a MiB of a marketplace's list. */
const listing = Buffer.alloc(1024 ** 2, `pot-10017 4.90 EUR, `);

/** A JSON string of this many bytes, quotes included. */
function* piecesOf(bytes: number): Generator<Buffer> {
  yield Buffer.from('"');
  for (let left = bytes - 2; left > 0; left -= listing.length) yield listing.subarray(0, left);
  yield Buffer.from('"');
}

const answer: RequestListener = (request, response) => {
  const bytes = Number(/^\/bytes\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 0);
  request.resume();
  // After the whole body, as a marketplace that reads it would.
  request.once('end', () => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': bytes || small.length,
    });
    if (bytes === 0) response.end(small);
    // A caller that disconnects is counted by the load generator.
    else pipeline(Readable.from(piecesOf(bytes)), response, () => {});
  });
};

const server =
  TLS_CERT_FILE && TLS_KEY_FILE
    ? createTlsServer(
        { cert: readFileSync(TLS_CERT_FILE), key: readFileSync(TLS_KEY_FILE) },
        answer,
      )
    : createServer(answer);
// Like nginx's, long enough that connections outlast the rounds of other cases.
server.keepAliveTimeout = 75_000;
const plain = createServer(answer);
const doors: Server[] = [server.listen(Number(PORT), '127.0.0.1')];
if (OPS_PORT) doors.push(plain.listen(Number(OPS_PORT), '127.0.0.1'));
for (const address of upstreamAddresses(Number(ADDRESSES)).slice(1)) {
  const door = createTcpServer((socket) => server.emit('connection', socket));
  doors.push(door.listen(Number(PORT), address));
}
process.once('SIGTERM', () => {
  for (const door of doors) door.close();
  server.closeAllConnections();
  plain.closeAllConnections();
});

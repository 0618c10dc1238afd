/** The process of the load generator: answers `POST /` with a LoadOrder by its LoadOutcome. */
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import type { LoadOrder } from './order.ts';
import { runLoad } from './run.ts';

const server = createServer(async (request, response) => {
  const answer = request.method === 'POST' ? await runLoad((await json(request)) as LoadOrder) : {};
  response.end(JSON.stringify(answer));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});

/** The marketplace of the benchmark, a process: answers everything with one small JSON, as fast as Node can. */
import { createServer } from 'node:http';

const answer = JSON.stringify({
  result: {
    items: Array.from({ length: 3 }, (_, i) => ({ product_id: 10_017 + i, offer_id: `pot-${i}` })),
    total: 3,
    last_id: '',
  },
});
const headers = { 'content-type': 'application/json', 'content-length': answer.length };

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, headers).end(answer);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});

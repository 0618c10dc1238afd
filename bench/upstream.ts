/**
 * The marketplace of the benchmark, a process: answers with one small JSON, as fast as Node can, or below
 * `/bytes/` with a JSON of that many bytes.
 */
import { createServer } from 'node:http';

const small = JSON.stringify({
  result: {
    items: Array.from({ length: 3 }, (_, i) => ({ product_id: 10_017 + i, offer_id: `pot-${i}` })),
    total: 3,
    last_id: '',
  },
});
const made = new Map<string, Buffer>();

/** A text in quotes of so many bytes, which looks like what marketplaces list. */
function answerOf(path = ''): Buffer {
  let answer = made.get(path);
  if (answer === undefined) {
    const bytes = Number(/^\/bytes\/(\d+)$/.exec(path)?.[1] ?? 0);
    answer = bytes === 0 ? Buffer.from(small) : Buffer.alloc(bytes, `"pot-10017 4.90 EUR, `);
    if (bytes > 0) answer.write('"', bytes - 1);
    made.set(path, answer);
  }
  return answer;
}

const server = createServer((request, response) => {
  request.resume();
  const answer = answerOf(request.url);
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
    .end(answer);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { createAuthority } from '../../support/certificates.ts';
import { releaseOf, startProxy } from '../../support/proxy.ts';

/** In a thread of its own it answers while the proxy is busy, as a marketplace elsewhere does. */
const upstream = `
  const { parentPort, workerData } = require('node:worker_threads');
  let connections = 0;
  const server = require('node:https').createServer(workerData, (request, response) => {
    request.resume().once('end', () => response.end(String(connections)));
  });
  server.on('secureConnection', () => { connections += 1; });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;

async function setUp(t: Test) {
  const authority = await createAuthority();
  const thread = new Worker(upstream, { eval: true, workerData: await authority.issue() });
  t.teardown(() => thread.terminate());
  const [port] = await once(thread, 'message');
  const url = `https://localhost:${port}`;
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [url], unsafePlaintext: false }),
    ca: authority.ca,
  });
  return (Body: unknown) =>
    proxy.call({ ClientId: 'a', TokenType: 'test', ApiUri: `${url}/`, Method: 'POST', Body });
}

t.test('calls of many callers share few TLS connections', async (t) => {
  for (const bytes of [2, 100 * 1024]) {
    const call = await setUp(t);
    const body = 'x'.repeat(bytes);
    const callers = 16;
    let connections = 0;
    for (let round = 0; round < 50; round += 1) {
      const answers = await Promise.all(Array.from({ length: callers }, () => call(body)));
      for (const { status, text } of answers) {
        t.equal(status, 200);
        connections = Number(text);
      }
    }
    // A slow machine lets an idle one end, too.
    t.ok(connections < 4 * callers, `${connections} connections for ${bytes} bytes`);
  }
});

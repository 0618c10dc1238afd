import { createHash, hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Socket } from 'node:net';
import t from 'tap';
import { StreamedKeyWatch } from '../../../secureproxy/http/body-watch.ts';
import { StreamedBody } from '../../../secureproxy/upstream/streamed-body.ts';
import { createAuthority } from '../../support/certificates.ts';
import { releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';

t.test('an error that undici does not listen to harms nothing', async (t) => {
  const body = new StreamedBody(new IncomingMessage(new Socket()), new StreamedKeyWatch());
  const opened = body.open();
  opened.destroy(new Error('no longer wanted'));
  await new Promise((resolve) => opened.once('close', resolve));
  t.ok(opened.errored);
});

t.test('every byte arrives at an upstream that reads slowly', async (t) => {
  const { ca, issue } = await createAuthority();
  const digestSlowly: RequestListener = (request, response) => {
    const digest = createHash('sha256');
    request.on('data', (bytes: Buffer) => {
      digest.update(bytes);
      request.pause();
      setTimeout(() => request.resume(), 1);
    });
    request.once('end', () => response.end(digest.digest('hex')));
  };
  const body = randomBytes(8 * 1024 * 1024);
  for (const [scheme, server] of [
    ['http', createServer(digestSlowly)],
    ['https', createTlsServer(await issue(), digestSlowly)],
  ] as const) {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const destinations = [`${scheme}://localhost:${port}`];
    const proxy = await startProxy(t, { obtain: async () => releaseOf({ destinations }), ca });
    const answer = await proxy.send('/forward/c/t/v1', {
      method: 'POST',
      headers: ['key', someAppKey],
      body,
    });
    t.equal(answer.text, hash('sha256', body), scheme);
  }
});

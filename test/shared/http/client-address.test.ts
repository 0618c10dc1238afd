import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import type { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startApp } from '../app.ts';

async function addressLogged(
  t: Test,
  forwarded: string | undefined,
  trustedProxies: readonly string[],
): Promise<unknown> {
  const { app, log } = await startApp(t, { trustedProxies });
  await app.inject({
    url: '/nothing',
    remoteAddress: '10.1.2.3',
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  });
  return loggedAddress(log);
}

async function loggedAddress(log: ReturnType<typeof capturedLog>): Promise<unknown> {
  const [line] = await pollUntil(
    'an entry',
    () => log.lines().filter(({ msg }) => msg === 'request'),
    ({ length }) => length > 0,
  );
  return line?.['client.address'];
}

t.test('the entry names the peer unless it is a trusted load balancer', async (t) => {
  t.equal(await addressLogged(t, undefined, []), '10.1.2.3');
  t.equal(await addressLogged(t, '192.0.2.7', []), '10.1.2.3', 'a caller may write anything');
  t.equal(await addressLogged(t, '192.0.2.7', ['10.9.0.0/16']), '10.1.2.3', 'others are not');
});

t.test('the nearest address that a trusted load balancer did not add itself counts', async (t) => {
  const trusted = ['10.0.0.0/8', '2001:db8::/32'];
  t.equal(await addressLogged(t, undefined, trusted), '10.1.2.3');
  t.equal(await addressLogged(t, '192.0.2.7', trusted), '192.0.2.7');
  t.equal(await addressLogged(t, 'made-up, 192.0.2.7, 10.9.9.9', trusted), '192.0.2.7');
});

t.test('bytes that are not HTTP are logged with their sender', async (t) => {
  const { app, log } = await startApp(t);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  socket.end('no HTTP\r\n\r\n');
  socket.resume();
  await once(socket, 'close');
  t.equal(await loggedAddress(log), '127.0.0.1');
});

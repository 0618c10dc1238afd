import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { dial } from '../../../secureproxy/guard/dial.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { startUpstream } from '../../support/upstream.ts';

const patient = new AbortController().signal;

/** A port of 127.0.0.1 that takes connections only after a while: until then its queue is full. */
async function startSlowToAccept(test: Test, pauseMs: number): Promise<number> {
  const program = join(import.meta.dirname, '../../support/slow-to-accept.ts');
  const child = fork(program, [String(pauseMs)]);
  test.teardown(() => child.kill());
  const [port] = await once(child, 'message');
  for (let i = 0; i < 3; i++) {
    const filler = connect(port, '127.0.0.1').on('error', () => undefined);
    test.teardown(() => filler.destroy());
  }
  return port;
}

t.test('an address that is slow is not given up because another one fails', async (t) => {
  const port = await startSlowToAccept(t, 700);
  const socket = await dial(['127.0.0.1', '::1'], port, patient);
  t.equal(socket.remoteAddress, '127.0.0.1');
  socket.destroy();
});

t.test(
  'an address that does not answer delays the next one, of the other family, a little',
  async (t) => {
    const port = await startSlowToAccept(t, 5000);
    const other = await startUpstream(t, { host: '127.0.0.2', port });
    const socket = await dial(['127.0.0.1', '127.0.0.2'], port, patient);
    t.equal(socket.remoteAddress, '127.0.0.2');
    t.equal(other.connections(), 1);
    socket.destroy();
  },
);

t.test(
  'the first that answers is the only one that stays open, and the last is tried, too',
  async (t) => {
    const upstream = await startUpstream(t);
    const socket = await dial(
      ['127.0.0.2', '::1', '127.0.0.1', '127.0.0.3'],
      upstream.port,
      patient,
    );
    t.equal(socket.remoteAddress, '127.0.0.1');
    await until(() => upstream.connections() === 1);
    socket.destroy();
    await until(() => upstream.open.size === 0);
    t.equal(upstream.connections(), 1);
  },
);

t.test('if all fail, a route that is missing tells last', async (t) => {
  const port = await freePort();
  await t.rejects(dial(['ff02::1', '127.0.0.1'], port, patient), {
    code: 'upstream_unreachable',
    options: { reason: 'connection_refused', cause: { code: 'ECONNREFUSED' } },
  });
  await t.rejects(dial(['ff02::1'], port, patient), {
    code: 'upstream_unreachable',
    options: { reason: 'unroutable', cause: { code: 'ENETUNREACH' } },
  });
});

t.test('an abort gives up every address', async (t) => {
  const port = await startSlowToAccept(t, 5000);
  const abort = new AbortController();
  const dialled = dial(['127.0.0.1', '127.0.0.2'], port, abort.signal);
  abort.abort();
  await t.rejects(dialled, { code: 'upstream_unreachable' });
  await t.rejects(dial(['127.0.0.1'], port, AbortSignal.abort()), { code: 'upstream_unreachable' });
});

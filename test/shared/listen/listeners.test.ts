import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import t from 'tap';
import type { Service } from '../../../shared/http/service-type.ts';
import type { ListenerConfig } from '../../../shared/listen/listener-settings.ts';
import { openListeners } from '../../../shared/listen/listeners.ts';
import { Metrics } from '../../../shared/metrics/metrics.ts';
import { startApp } from '../app.ts';

const callers = 1000;
const maxByKernel = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
/** Since the last of them: longer than a connection that found no room waits before it is tried again. */
const queueTimeoutMs = 10_000;

async function open(app: Service, logger: Logger, settings: Partial<ListenerConfig>) {
  app.decorate('config', { HOST: '127.0.0.1', ...settings } as ListenerConfig);
  return openListeners({
    name: 'keyserver',
    app,
    tls: undefined,
    readiness: () => ({ status: 'ready', checks: {} }),
    metrics: new Metrics('keyserver'),
    logger,
  });
}

const connectAll = `
const { connect } = require('node:net');
const { port, callers, connected } = require('node:worker_threads').workerData;
for (let i = 0; i < callers; i++) {
  connect(port, '127.0.0.1', () => {
    Atomics.add(connected, 0, 1);
    Atomics.notify(connected, 0);
  });
}`;

t.test(
  'whoever connects while the service is busy finds room',
  maxByKernel < callers ? { skip: `the kernel keeps no more than ${maxByKernel}` } : {},
  async (t) => {
    const { app, log } = await startApp(t);
    const { ports } = await open(app, log.logger, { PORT: 0 });
    const connected = new Int32Array(new SharedArrayBuffer(4));
    const workerData = { port: ports[0], callers, connected };
    const worker = new Worker(connectAll, { eval: true, workerData });
    t.teardown(() => worker.terminate());
    // Nobody takes a connection while this thread waits.
    for (let now = 0; now < callers; now = Atomics.load(connected, 0)) {
      if (Atomics.wait(connected, 0, now, queueTimeoutMs) === 'timed-out') break;
    }
    t.equal(Atomics.load(connected, 0), callers);
  },
);

t.test('PORT is closed again if OPS_PORT is in use', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const { app, log } = await startApp(t);
  await t.rejects(open(app, log.logger, { PORT: 0, OPS_PORT: port }), {
    name: 'ConfigError',
    faults: [`port ${port} is in use: stop the process that listens there, or set OPS_PORT`],
  });
  t.equal(app.server.listening, false);
});

t.test('probes are answered on HOST if OPS_HOST is unset', async (t) => {
  const { app, log } = await startApp(t);
  const { ports, closeOps } = await open(app, log.logger, {
    HOST: '127.0.0.2',
    PORT: 0,
    OPS_PORT: 0,
  });
  t.teardown(closeOps);
  t.equal((await fetch(`http://127.0.0.2:${ports[1]}/healthz`)).status, 200);
});

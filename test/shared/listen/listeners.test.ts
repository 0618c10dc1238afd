import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import type { ListenerConfig } from '../../../shared/listen/listener-settings.ts';
import { openListeners } from '../../../shared/listen/listeners.ts';
import { Metrics } from '../../../shared/metrics/metrics.ts';
import { startApp } from '../app.ts';

const callers = 1000;
const maxByKernel = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
/** Since the last of them: longer than a connection that found no room waits before it is tried again. */
const queueTimeoutMs = 10_000;

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
    app.decorate('config', { HOST: '127.0.0.1', PORT: 0 } as ListenerConfig);
    const { ports } = await openListeners({
      name: 'keyserver',
      app,
      tls: undefined,
      readiness: () => ({ status: 'ready', checks: {} }),
      metrics: new Metrics('keyserver'),
      logger: log.logger,
    });
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

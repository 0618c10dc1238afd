import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { compileCache } from '../../support/compile-cache.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { runMain } from '../../support/service-process.ts';

const shared = join(import.meta.dirname, '../../../shared');

/** A main that runs what the code says, as the services' mains do. */
function run(t: Test, code: string, config: object = {}) {
  const folder = t.testdir({
    'main.ts': `
      import { ConfigError } from '${shared}/settings/config.ts';
      import { createLogger } from '${shared}/log/logging.ts';
      import { openListeners } from '${shared}/listen/listeners.ts';
      import { runService as runProgram } from '${shared}/process/run.ts';
      import { createService } from '${shared}/http/service.ts';
      import { Drain } from '${shared}/process/shutdown.ts';
      import { Metrics } from '${shared}/metrics/metrics.ts';
      const build = async () => {
        const app = await createService({
          name: 'keyserver', title: 'T', description: 'D', logger, bodyLimitBytes: 1000,
          proxyStatus: false,
        });
        return app.decorate('config', config);
      };
      const config = {
        HOST: '127.0.0.1', PORT: 0, WORKERS: 1, TLS_CLIENT_NAMES: '', LOG_LEVEL: 'info',
        DRAIN_DELAY_MS: 0, SHUTDOWN_TIMEOUT_MS: 5000, ...${JSON.stringify(config)},
      };
      let logger = createLogger('test', 'info');
      const runService = (start, more = {}) => runProgram({
        name: 'test', readSettings: () => ({ config, warnings: [] }), ...more,
        start: (_config, given, primary) => {
          logger = given;
          return start(primary);
        },
      }, {});
      const drain = new Drain();
      const readiness = () => drain.over({ status: 'ready', checks: {} });
      const serve = (app) =>
        openListeners({
          name: 'keyserver', app, tls: undefined, readiness, logger,
          metrics: new Metrics('keyserver'),
        });
      ${code}
    `,
  });
  return runMain(t, join(folder, 'main.ts'), compileCache);
}

t.test('faults of settings are a list and code 78', async (t) => {
  const main = run(t, `await runService(async () => { throw new ConfigError(['one', 'two']); });`);
  t.equal(await main.ended, 78);
  t.equal(main.stderr(), 'settings cannot be used:\n  - one\n  - two\n');
});

t.test('any other failure is a crash with its stack', async (t) => {
  const main = run(t, `await runService(async () => { throw new RangeError('too much'); });`);
  t.equal(await main.ended, 1);
  t.match(main.stderr(), /RangeError: too much\n +at /);
});

t.test('a signal during the start ends it', async (t) => {
  const main = run(
    t,
    `await runService(async () => {
      logger.info('starting');
      setInterval(() => {}, 1000);
      await new Promise(() => {});
    });`,
  );
  await main.said('starting');
  main.child.kill('SIGTERM');
  t.equal(await main.ended, 0, 'by itself, not by the signal');
});

t.test('closes the app before what it needs', async (t) => {
  const main = run(
    t,
    `await runService(async () => {
      const app = await build();
      app.addHook('onClose', async () => { logger.info('app closed'); });
      await serve(app);
      return { app, logger, drain, close: async () => { logger.info('rest closed'); } };
    });`,
  );
  await main.listening();
  main.child.kill('SIGTERM');
  t.equal(await main.ended, 0);
  t.same(
    main
      .lines()
      .map(({ msg }) => msg)
      .slice(-4),
    ['stopping', 'app closed', 'rest closed', 'stopped'],
  );
});

t.test('ends as it should where nobody reads its log any more', async (t) => {
  const main = run(
    t,
    `await runService(async () => {
      const app = await build();
      await serve(app);
      return { app, logger, drain, close: async () => {} };
    });`,
  );
  await main.listening();
  main.child.stdout?.destroy();
  main.child.kill('SIGTERM');
  t.equal(await main.ended, 0, main.stderr());
});

t.test('a second signal neither closes twice nor cuts off', async (t) => {
  const main = run(
    t,
    `await runService(async () => {
      const app = await build();
      await serve(app);
      return { app, logger, drain, close: async () => {
        logger.info('closing');
        await new Promise((resolve) => setTimeout(resolve, 300));
      } };
    });`,
  );
  await main.listening();
  main.child.kill('SIGTERM');
  await main.said('closing');
  main.child.kill('SIGINT');
  main.child.kill('SIGTERM');
  t.equal(await main.ended, 0);
  t.match(main.lines().at(-1), { msg: 'stopped' });
  t.equal(main.lines().filter(({ msg }) => msg === 'closing').length, 1);
});

/** Serves `/`, and `/held`, whose answer begins and does not end. */
const holding = `await runService(async () => {
  const app = await build();
  app.get('/', async () => 'x');
  app.get('/held', (request, reply) => {
    reply.hijack();
    reply.raw.write('begun');
  });
  await serve(app);
  return { app, logger, drain, close: async () => { logger.info('rest closed'); } };
});`;

const messages = (main: { lines(): readonly { readonly msg?: unknown }[] }) =>
  main.lines().map(({ msg }) => msg);

t.test('what does not finish in time is cut off, with code 1', async (t) => {
  const main = run(t, holding, { SHUTDOWN_TIMEOUT_MS: 200 });
  const sent = get(`${await main.listening()}/held`);
  sent.on('error', () => undefined);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const broke = once(answer.resume(), 'error');
  main.child.kill('SIGTERM');
  t.equal(await main.ended, 1);
  t.match(await broke, [{ code: 'ECONNRESET' }]);
  t.match(
    main.lines().find(({ msg }) => msg === 'not finished in time: cut off'),
    { level: 'warn', connections: 1 },
  );
  // A connection that is cut may close while the warning is on its way.
  for (const said of ['rest closed', 'stopped']) t.ok(messages(main).includes(said), said);
});

t.test('what never closes does not keep the process either', async (t) => {
  const main = run(
    t,
    `await runService(async () => {
      const app = await build();
      await serve(app);
      setInterval(() => {}, 1000);
      return { app, logger, drain, close: () => new Promise(() => {}) };
    });`,
    { SHUTDOWN_TIMEOUT_MS: 50 },
  );
  await main.listening();
  main.child.kill('SIGTERM');
  t.equal(await main.ended, 1);
});

t.test('a connection on which nothing was asked does not hold the end up', async (t) => {
  const main = run(t, holding, { SHUTDOWN_TIMEOUT_MS: 30_000 });
  const { hostname, port } = new URL(await main.listening());
  const silent = connect(Number(port), hostname);
  const half = connect(Number(port), hostname);
  half.write('GET / HTTP/1.1\r\n');
  await Promise.all([once(silent, 'connect'), once(half, 'connect')]);
  // An answer says that the service knows of them.
  t.equal((await fetch(`http://${hostname}:${port}/`)).status, 200);
  main.child.kill('SIGTERM');
  t.equal(await main.ended, 0, 'nothing was cut off');
});

t.test('calls are taken during the delay, on connections that end', async (t) => {
  const main = run(t, holding, { DRAIN_DELAY_MS: 600_000, OPS_PORT: 0 });
  const url = await main.listening();
  const says = 'Probes answered at ';
  const ops = await pollUntil(
    'where probes are answered',
    () => messages(main).find((msg) => String(msg).startsWith(says)),
    (msg) => msg !== undefined,
  );
  const ready = async () => {
    const answer = await fetch(`${String(ops).replace(says, '')}/readyz`);
    return [answer.status, await answer.json()];
  };
  t.same(await ready(), [200, { status: 'ready', checks: {} }]);
  const connection = async () => (await fetch(url)).headers.get('connection');
  t.equal(await connection(), 'keep-alive');
  main.child.kill('SIGTERM');
  await main.said('stopping');
  t.same(await ready(), [503, { status: 'unready', checks: { shutdown: 'draining' } }]);
  t.equal(await connection(), 'close');
  t.notOk(messages(main).includes('stopped'));
});

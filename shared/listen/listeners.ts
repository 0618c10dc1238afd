import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { healthRoutes, type Readiness } from '../http/health.ts';
import { metricsRoute } from '../http/metrics-route.ts';
import { createService, type ServiceOptions } from '../http/service.ts';
import type { Service } from '../http/service-type.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { ConfigError } from '../settings/config.ts';
import type { TlsListener } from './tls-listener.ts';

interface ListenersOptions {
  readonly name: ServiceOptions['name'];
  readonly app: Service;
  readonly tls: TlsListener | undefined;
  readonly readiness: () => Readiness;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export interface Listeners {
  /** All listening ports. */
  readonly ports: readonly number[];
  /** Closes the listener of `OPS_PORT` if there is one, but not the app. */
  closeOps(): Promise<void>;
}

/**
 * Listens on `PORT`, and for probes on `OPS_PORT` if it is set.
 * @throws ConfigError if a listener cannot be opened; then none is open
 */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const { app, tls } = options;
  const { HOST, PORT, OPS_PORT, OPS_HOST = HOST } = app.config;
  // The app was built with `tls.options`, so its server is an https server.
  tls?.attach(app.server as unknown as Server);
  await listen(app, {
    host: HOST,
    port: PORT,
    settings: ['HOST', 'PORT'],
    message: 'Server listening',
  });
  if (OPS_PORT === undefined) return { ports: [portOf(app)], closeOps: async () => undefined };
  const ops = await buildOpsApp(options);
  try {
    await listen(ops, {
      host: OPS_HOST,
      port: OPS_PORT,
      settings: ['OPS_HOST', 'OPS_PORT'],
      message: 'Probes answered',
    });
  } catch (error) {
    await app.close();
    throw error;
  }
  return { ports: [portOf(app), portOf(ops)], closeOps: async () => ops.close() };
}

/** Builds the app of `OPS_PORT`: `/healthz`, `/readyz` and `/metrics` over plain http. */
async function buildOpsApp({
  name,
  logger,
  readiness,
  metrics,
}: ListenersOptions): Promise<Service> {
  const app = await createService({
    name,
    title: 'Operations',
    description: 'Whether the service is alive and can do its work, and its metrics.',
    logger,
    bodyLimitBytes: 1024,
    proxyStatus: false,
  });
  healthRoutes(app, readiness);
  metricsRoute(app, metrics.text);
  return app;
}

/**
 * Maximum connections in the kernel's queue (listen(2); net.core.somaxconn may lower it). Node accepts one in each
 * turn of its event loop, and a client whose connection finds the queue full retries after one, three, seven seconds.
 */
const backlog = 4096;

interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Names of the settings of host and port. */
  readonly settings: readonly [host: string, port: string];
  /** Log message; the address is appended. */
  readonly message: string;
}

/** Listens. @throws ConfigError naming the settings if the address cannot be used; the app is closed then */
async function listen(app: Service, { host, port, settings, message }: Endpoint): Promise<void> {
  const [hostSetting, portSetting] = settings;
  try {
    await app.listen({
      host,
      port,
      backlog,
      listenTextResolver: (address) => `${message} at ${address}`,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (
      code !== 'EADDRINUSE' &&
      code !== 'EACCES' &&
      code !== 'EADDRNOTAVAIL' &&
      code !== 'ENOTFOUND'
    )
      throw error;
    await app.close();
    const fault =
      code === 'EADDRINUSE'
        ? `port ${port} is in use: stop the process that listens there, or set ${portSetting}`
        : `cannot listen on ${host} port ${port} (${code}): see ${hostSetting} and ${portSetting}`;
    throw new ConfigError([fault]);
  }
}

function portOf({ server }: Service): number {
  return (server.address() as AddressInfo).port;
}

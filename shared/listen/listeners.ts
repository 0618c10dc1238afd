import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Readiness } from '../http/health.ts';
import type { ServiceOptions } from '../http/service.ts';
import type { Service } from '../http/service-type.ts';
import { ConfigError } from '../settings/config.ts';
import type { ListenerConfig } from './listener-settings.ts';
import { buildOpsApp } from './ops-listener.ts';
import type { TlsListener } from './tls-listener.ts';

export interface ListenersOptions {
  readonly name: ServiceOptions['name'];
  readonly app: Service;
  readonly config: ListenerConfig;
  readonly tls: TlsListener | undefined;
  readonly readiness: () => Readiness;
  readonly logger: Logger;
}

export interface Listeners {
  /** All ports that are listened on. */
  readonly ports: readonly number[];
  /** Closes the listener of `OPS_PORT`, if there is one; the app is closed by itself. */
  closeOps(): Promise<void>;
}

/**
 * Listens on `PORT`, and for probes on `OPS_PORT` where it is set.
 * @throws ConfigError where that cannot be; nothing listens then
 */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const { name, app, config, tls, readiness, logger } = options;
  const { HOST, PORT, OPS_PORT, OPS_HOST = HOST } = config;
  // Made with `tls.options`, so it is one of https.
  tls?.attach(app.server as unknown as Server);
  await listen(app, {
    host: HOST,
    port: PORT,
    settings: ['HOST', 'PORT'],
    says: 'Server listening',
  });
  if (OPS_PORT === undefined) return { ports: [portOf(app)], closeOps: async () => undefined };
  const ops = await buildOpsApp(name, logger, readiness);
  try {
    await listen(ops, {
      host: OPS_HOST,
      port: OPS_PORT,
      settings: ['OPS_HOST', 'OPS_PORT'],
      says: 'Probes answered',
    });
  } catch (error) {
    await app.close();
    throw error;
  }
  return { ports: [portOf(app), portOf(ops)], closeOps: async () => ops.close() };
}

/**
 * Connections that the kernel keeps for us at most (listen(2); net.core.somaxconn may allow less). Node takes one in
 * each turn of its event loop, and a connection that finds no room is tried again after one, three, seven seconds.
 */
const backlog = 4096;

interface Place {
  readonly host: string;
  readonly port: number;
  /** The settings that say so. */
  readonly settings: readonly [host: string, port: string];
  readonly says: string;
}

/** Listens, and says a taken port in one line. @throws ConfigError with the app closed */
async function listen(app: Service, { host, port, settings, says }: Place): Promise<void> {
  const [hostSetting, portSetting] = settings;
  try {
    await app.listen({
      host,
      port,
      backlog,
      listenTextResolver: (address) => `${says} at ${address}`,
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
    const why =
      code === 'EADDRINUSE'
        ? `port ${port} is taken: end what listens there, or set ${portSetting}`
        : `cannot listen on ${host} port ${port} (${code}): see ${hostSetting} and ${portSetting}`;
    throw new ConfigError([why]);
  }
}

function portOf({ server }: Service): number {
  return (server.address() as AddressInfo).port;
}

import { putType } from '../keyserver/admin/types.ts';
import { type ServiceProcess, startService } from '../local/processes.ts';
import { prepareState, storagePlaces } from '../local/state.ts';
import type { Environment } from '../shared/config.ts';
import { freePort } from '../test/support/free-port.ts';
import { plainPolicy, type Seeded, seed, tokenType } from '../test/support/pair-state.ts';
import { type Cores, pin } from './cores.ts';
import { LineSink } from './line-sink.ts';

/** Most connections that a proxy has to the upstream, ours and the peer alike. */
const upstreamConnections = 128;

/** One process of the benchmark. */
export interface Part {
  readonly port: number;
  readonly origin: string;
  readonly pid: number;
  readonly log: LineSink;
}

/** All processes of the benchmark, ready. */
export interface Arrangement extends Seeded {
  readonly clients: readonly string[];
  /** What every call goes to; with a name for a host, as marketplaces have. */
  readonly upstreamUrl: string;
  readonly load: Part;
  readonly peer: Part;
  readonly keyserver: Part;
  /** SecureProxy as it comes, with releases kept for 5 s. */
  readonly warmProxy: Part;
  /** SecureProxy that keeps no release. */
  readonly coldProxy: Part;
}

export interface ArrangementOptions {
  /** An empty folder for the state of KeyServer. */
  readonly folder: string;
  /** How many clients have a token. */
  readonly clients: number;
  readonly cores: Cores | undefined;
  /** Takes each process as it starts; whoever calls stops them, also where a later one fails. */
  readonly onStart: (process: ServiceProcess) => void;
}

/** Starts everything: the real services on the embedded store, and what they are measured with. */
export async function arrange(options: ArrangementOptions): Promise<Arrangement> {
  const { folder, cores } = options;
  if (cores) pin(process.pid, cores.load);
  const start = (title: string, main: string, environment: Environment) =>
    startPart(options, title, main, environment);
  // What is measured runs on a core of its own, at full log level into a pipe that is read.
  const measured: typeof start = async (title, main, environment) => {
    const part = await start(title, main, { LOG_LEVEL: 'info', ...environment });
    if (cores) pin(part.pid, cores.server);
    return part;
  };
  const clients = Array.from({ length: options.clients }, (_, i) => `shop-${i}`);
  const upstream = await start('upstream', 'bench/upstream.ts', {});
  const load = await start('load generator', 'bench/load.ts', {});
  const settings = storagePlaces(folder);
  const upstreamUrl = `http://localhost:${upstream.port}/v1/orders`;
  const { origin } = new URL(upstreamUrl);
  const seeded = await prepareState(folder, async (admin) => {
    const keys = await seed({ folder, settings, admin }, origin, clients);
    await putType(admin, tokenType, {
      ...plainPolicy(origin),
      unsafeAllowPrivate: ['127.0.0.0/8', '::1/128'],
    });
    return keys;
  });
  const UPSTREAM_CONNECTIONS = String(upstreamConnections);
  const peer = await measured('peer', 'bench/peer.ts', {
    UPSTREAM_CONNECTIONS,
    TOKEN: seeded.tokens[clients[0] ?? ''],
  });
  const keyserver = await measured('KeyServer', 'keyserver/main.ts', {
    ...settings,
    GENERATE_KEYS: '1',
  });
  const proxy = (cacheSeconds: number) =>
    measured('SecureProxy', 'secureproxy/main.ts', {
      PROXY_KEY: seeded.proxyKey,
      PUBLIC_KEY_URL: `${keyserver.origin}/public_key`,
      TOKEN_REQUEST_URL: `${keyserver.origin}/`,
      TOKEN_CACHE_SECONDS: String(cacheSeconds),
      UPSTREAM_CONNECTIONS,
    });
  const [warmProxy, coldProxy] = [await proxy(5), await proxy(0)];
  return { ...seeded, clients, upstreamUrl, load, peer, keyserver, warmProxy, coldProxy };
}

async function startPart(
  { onStart }: ArrangementOptions,
  title: string,
  main: string,
  environment: Environment,
): Promise<Part> {
  const port = await freePort();
  const log = new LineSink();
  const started = await startService({
    title,
    main,
    port,
    output: log,
    // In production a service leaves `.env` unread.
    environment: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      ...environment,
    },
  });
  onStart(started);
  return { port, origin: `http://127.0.0.1:${port}`, pid: started.pid ?? 0, log };
}

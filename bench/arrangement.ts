import { addGrant } from '../keyserver/admin/grants.ts';
import { putToken } from '../keyserver/admin/tokens.ts';
import { putType } from '../keyserver/admin/types.ts';
import { type ServiceProcess, startProgram, startService } from '../local/processes.ts';
import { prepareState, storagePlaces } from '../local/state.ts';
import type { Environment } from '../shared/config.ts';
import { freePort } from '../test/support/free-port.ts';
import { plainPolicy, type Seeded, seed, tokenType } from '../test/support/pair-state.ts';
import { type Cores, pin } from './cores.ts';
import { LineSink } from './line-sink.ts';
import { type NativePeer, nativePeerCommand } from './native-peers.ts';

/** Most connections that a proxy has to the upstream, ours and the peer alike. */
const upstreamConnections = 128;

/** A type whose answers are not searched for its tokens. */
export const unsearchedType = 'unsearched';

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
  /** What calls go to; with a name for a host, as marketplaces have. */
  readonly upstreamUrl: string;
  readonly load: Part;
  /** The Fastify peers (peer.ts). */
  readonly peer: Part;
  /** Undefined where the machine has no such program. */
  readonly nginx: Part | undefined;
  readonly haproxy: Part | undefined;
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
    const policy = { ...plainPolicy(origin), unsafeAllowPrivate: ['127.0.0.0/8', '::1/128'] };
    await putType(admin, tokenType, policy);
    await putType(admin, unsearchedType, { ...policy, scrub: false });
    await addGrant(admin, 'orders', { client: '*', type: unsearchedType });
    for (const [clientId, token] of Object.entries(keys.tokens)) {
      await putToken(admin, { clientId, tokenType: unsearchedType, fields: { token } });
    }
    return keys;
  });
  const UPSTREAM_CONNECTIONS = String(upstreamConnections);
  const token = seeded.tokens[clients[0] ?? ''] ?? '';
  const peer = await measured('peer', 'bench/peer.ts', {
    UPSTREAM_CONNECTIONS,
    UPSTREAM: upstreamUrl,
    TOKEN: token,
  });
  const native = async (name: NativePeer) => {
    const part = await startNative(options, name, { upstreamPort: upstream.port, token });
    if (part && cores) pin(part.pid, cores.server);
    return part;
  };
  const [nginx, haproxy] = [await native('nginx'), await native('haproxy')];
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
  const peers = { peer, nginx, haproxy };
  return { ...seeded, ...peers, clients, upstreamUrl, load, keyserver, warmProxy, coldProxy };
}

async function startNative(
  { folder, onStart }: ArrangementOptions,
  title: NativePeer,
  more: { readonly upstreamPort: number; readonly token: string },
): Promise<Part | undefined> {
  const port = await freePort();
  const log = new LineSink();
  const program = nativePeerCommand(title, { ...more, folder, port, upstreamConnections });
  if (program === undefined) return undefined;
  const environment = { PATH: process.env.PATH };
  const started = await startProgram({ title, program, port, environment, output: log });
  onStart(started);
  return { port, origin: `http://127.0.0.1:${port}`, pid: started.pid ?? 0, log };
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

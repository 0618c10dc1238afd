import { freePort } from '../../test/support/free-port.ts';
import type { Part, Parts } from '../machine/parts.ts';
import { type NativePeer, nativePeerCommand } from './native-peers.ts';
import { type System, startSystem, upstreamConnections } from './system.ts';

/** Started processes that most cases share. */
export interface Arrangement extends System {
  readonly parts: Parts;
  /** URL of calls; its host is a name, as marketplaces have. */
  readonly upstreamUrl: string;
  readonly load: Part;
  /** The Fastify peers (peer.ts). */
  readonly peer: Part;
  /** Undefined if the machine has no such program. */
  readonly nginx: Part | undefined;
  readonly haproxy: Part | undefined;
  /** SecureProxy with its defaults: releases are cached for 5 s. */
  readonly warmProxy: Part;
  /** SecureProxy that caches no release. */
  readonly coldProxy: Part;
}

/** Starts the services on the embedded store, the load generator, the upstream and the peers. */
export async function arrange(parts: Parts): Promise<Arrangement> {
  const upstream = await parts.helper('upstream', 'bench/pair/upstream.ts', {});
  const load = await parts.helper('load generator', 'bench/load/main.ts', {});
  const upstreamUrl = marketplaceUrl(upstream);
  const { origin, port } = new URL(upstreamUrl);
  const system = await startSystem(parts, { origins: [origin] });
  const token = Object.values(system.tokens)[0] ?? '';
  const peer = await parts.measured('peer', 'bench/pair/peer.ts', {
    UPSTREAM_CONNECTIONS: String(upstreamConnections),
    UPSTREAM: upstreamUrl,
    TOKEN: token,
  });
  const native = { folder: parts.folder(), upstreamPort: Number(port), upstreamConnections, token };
  return {
    ...system,
    parts,
    upstreamUrl,
    load,
    peer,
    nginx: await startNative(parts, 'nginx', native),
    haproxy: await startNative(parts, 'haproxy', native),
    warmProxy: await system.startProxy(),
    coldProxy: await system.startProxy({ TOKEN_CACHE_SECONDS: '0' }),
  };
}

/** URL of calls at an upstream. */
export function marketplaceUrl({ origin }: Part): string {
  const url = new URL('/v1/orders', origin);
  url.hostname = 'localhost';
  return url.href;
}

async function startNative(
  parts: Parts,
  name: NativePeer,
  options: Omit<Parameters<typeof nativePeerCommand>[1], 'port'>,
): Promise<Part | undefined> {
  const port = await freePort();
  const program = nativePeerCommand(name, { ...options, port });
  return program && parts.program(name, port, program);
}

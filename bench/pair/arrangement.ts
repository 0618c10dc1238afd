import { freePort } from '../../test/support/free-port.ts';
import type { Part, Parts } from '../machine/parts.ts';
import { type NativePeer, nativePeerCommand } from './native-peers.ts';
import { type System, startSystem, upstreamConnections } from './system.ts';

/** What most cases share, ready. Others start what they need besides. */
export interface Arrangement extends System {
  readonly parts: Parts;
  /** What calls go to; with a name for a host, as marketplaces have. */
  readonly upstreamUrl: string;
  readonly load: Part;
  /** The Fastify peers (peer.ts). */
  readonly peer: Part;
  /** Undefined where the machine has no such program. */
  readonly nginx: Part | undefined;
  readonly haproxy: Part | undefined;
  /** SecureProxy as it comes, with releases kept for 5 s. */
  readonly warmProxy: Part;
  /** SecureProxy that keeps no release. */
  readonly coldProxy: Part;
}

/** Starts the real services on the embedded store, and what they are measured with. */
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

/** Where calls go at an upstream. */
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

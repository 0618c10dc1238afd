import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Service } from './service-type.ts';

/** How often connections that have become idle are closed while the last calls finish. */
const sweepMs = 100;
/** A request may be on its way on a connection that was just made. */
const unusedGraceMs = 1000;
/** A turn of the event loop that takes less found next to nothing to do. */
const quietTurnMs = 0.1;
/** Where the event loop never rests, the listener is closed all the same. */
const quietLimitMs = 1000;

/**
 * Lets no connection outlive its calls once the service closes: answers say that theirs ends, so that
 * nobody sends another call on it; those that are idle are closed, and those on which no request came.
 */
export function endConnectionsOnClose(app: Service): void {
  const unused = watchUnused(app);
  let isClosing = false;
  let sweep: NodeJS.Timeout | undefined;
  app.addHook('preClose', async () => {
    isClosing = true;
    const graceEndsAt = performance.now() + unusedGraceMs;
    // An answer whose head was sent before keeps its connection alive for a minute after its end.
    sweep = setInterval(() => {
      app.server.closeIdleConnections();
      if (performance.now() > graceEndsAt) for (const socket of unused.values()) socket.destroy();
    }, sweepMs);
    // The listener is closed right after this.
    await quietMoment();
  });
  app.addHook('onClose', async () => clearInterval(sweep));
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isClosing) reply.header('connection', 'close');
    done(null, payload);
  });
}

/** From now on answers say that their connection ends, so that callers move elsewhere in time. */
export function drainConnections(app: Service): void {
  app.server.prependListener('request', (_request, answer) => {
    answer.shouldKeepAlive = false;
  });
}

/**
 * Resolves right after a turn of the event loop with next to nothing in it: what the kernel has taken
 * for us is in our hands then. Connections that still wait there are reset when a listener closes, and a
 * balancer may not send a POST again that it has written to one. What comes in the last tenth of a
 * millisecond is lost still: docs/deployment.md, "Behind nginx", takes calls away before.
 */
async function quietMoment(): Promise<void> {
  let last = performance.now();
  const limit = last + quietLimitMs;
  while (last < limit) {
    await nextTurn();
    const now = performance.now();
    if (now - last < quietTurnMs) return;
    last = now;
  }
}

/** Connections on which no request has begun, handshakes included: Node counts them neither as idle nor as calls. */
function watchUnused({ server }: Service): ReadonlyMap<string, Socket> {
  const unused = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    unused.set(peer, socket);
    socket.once('close', () => {
      if (unused.get(peer) === socket) unused.delete(peer);
    });
  });
  // Over TLS this is another socket of the same peer.
  server.on('request', ({ socket }) => {
    if (unused.size > 0) unused.delete(peerOf(socket));
  });
  return unused;
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

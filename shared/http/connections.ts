import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Service } from './service-type.ts';

/** Interval at which idle connections are closed while the last calls finish. */
const sweepMs = 100;
/** A request may still arrive on a connection that was just made. */
const unusedGraceMs = 1000;
/** A turn of the event loop shorter than this counts as idle. */
const quietTurnMs = 0.1;
/** Maximum wait for an idle turn before the listener is closed anyway. */
const quietLimitMs = 1000;

/**
 * Ends connections along with their calls once the service closes: answers carry `Connection: close`, so
 * that no further call is sent on them, and connections that are idle or never had a request are closed.
 */
export function endConnectionsOnClose(app: Service): void {
  const unused = watchUnused(app);
  let isClosing = false;
  let sweep: NodeJS.Timeout | undefined;
  app.addHook('preClose', async () => {
    isClosing = true;
    const graceEndsAt = performance.now() + unusedGraceMs;
    // If an answer's head was sent earlier, its connection would stay open for a minute after the answer.
    sweep = setInterval(() => {
      app.server.closeIdleConnections();
      if (performance.now() > graceEndsAt) for (const socket of unused.values()) socket.destroy();
    }, sweepMs);
    // Fastify closes the listener right after this hook.
    await quietMoment();
  });
  app.addHook('onClose', async () => clearInterval(sweep));
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isClosing) reply.header('connection', 'close');
    done(null, payload);
  });
}

/** From now on answers carry `Connection: close`, so that callers move to other replicas before the listener closes. */
export function drainConnections(app: Service): void {
  app.server.prependListener('request', (_request, answer) => {
    answer.shouldKeepAlive = false;
  });
}

/**
 * Resolves after an idle turn of the event loop: Node has then accepted every connection in the kernel's queue.
 * Closing the listener resets those still in the queue, and a balancer must not resend a POST that it has written
 * to one. A connection made in the last tenth of a millisecond can still be lost; docs/deployment.md, "Behind
 * nginx", shows how to divert calls earlier.
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

/** Tracks connections without any request yet, handshakes included: Node counts them neither as idle nor as active. */
function watchUnused({ server }: Service): ReadonlyMap<string, Socket> {
  const unused = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    unused.set(peer, socket);
    socket.once('close', () => {
      if (unused.get(peer) === socket) unused.delete(peer);
    });
  });
  // With TLS this socket is another object, so the peer's address identifies the connection.
  server.on('request', ({ socket }) => {
    if (unused.size > 0) unused.delete(peerOf(socket));
  });
  return unused;
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

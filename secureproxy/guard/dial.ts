import { connect, isIPv6, type Socket } from 'node:net';
import { connectError } from './connect-errors.ts';

/** Pause before the next address is tried beside those that have not answered yet (RFC 8305 §5). */
const attemptDelayMs = 250;
const keepAliveMs = 60_000;

/**
 * Connects to the address that answers first. The families take turns, each address has until the end, and
 * the next one is tried after a pause or a failure. An abort closes what was opened.
 * @throws ServiceError upstream_unreachable, upstream_timeout
 */
export function dial(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const waiting = inTurn(addresses);
  const open = new Set<Socket>();
  const errors: Error[] = [];
  let timer: NodeJS.Timeout | undefined;
  const tryNext = () => {
    clearTimeout(timer);
    const host = signal.aborted ? undefined : waiting.shift();
    if (host === undefined) {
      if (open.size === 0) reject(connectError(errors));
      return;
    }
    const socket = connect({
      host,
      port,
      signal,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
    });
    open.add(socket);
    const fail = (error: Error) => {
      open.delete(socket);
      errors.push(error);
      tryNext();
    };
    socket.once('error', fail).once('connect', () => {
      clearTimeout(timer);
      waiting.length = 0;
      open.delete(socket);
      for (const other of open) other.removeAllListeners('connect').destroy();
      // Errors from now on are for the next owner, whose listener may come later.
      socket.off('error', fail).on('error', () => undefined);
      resolve(socket);
    });
    if (waiting.length > 0) timer = setTimeout(tryNext, attemptDelayMs);
  };
  tryNext();
  return promise;
}

function inTurn(addresses: readonly string[]): string[] {
  const [first = ''] = addresses;
  const preferred = addresses.filter((one) => isIPv6(one) === isIPv6(first));
  const others = addresses.filter((one) => isIPv6(one) !== isIPv6(first));
  return Array.from({ length: Math.max(preferred.length, others.length) }, (_, i) => [
    ...preferred.slice(i, i + 1),
    ...others.slice(i, i + 1),
  ]).flat();
}

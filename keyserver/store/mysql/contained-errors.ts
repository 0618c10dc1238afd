import type { Socket } from 'node:net';
import tls from 'node:tls';

/** Code of the error that statements then fail with. */
export const unreadableAnswer = 'UNREADABLE_ANSWER';

/**
 * The connector works in listeners of its socket. Nobody would catch what it throws there, as at bytes that it cannot
 * read or has not asked for, nor an error of the socket for which it leaves no listener, as during a TLS handshake: the
 * process would end. Here only the connection does: statements that wait on it fail, and the pool makes another one.
 */
export function containErrors<T extends Socket>(socket: T): T {
  const emit = socket.emit.bind(socket);
  const contained: typeof emit = (event: string, ...args: unknown[]) => {
    try {
      return emit(event, ...args);
    } catch (error) {
      // Not its text, which may quote the answer.
      const { name } = Object(error);
      // The `error` that this emits may be thrown once more: destroying twice does nothing.
      socket.destroy(
        Object.assign(new Error(`not MySQL's protocol: ${name}`), { code: unreadableAnswer }),
      );
      return true;
    }
  };
  socket.emit = contained;
  return socket;
}

/** Marks the connector's settings among all that this process connects with. */
const marker = Symbol('connection of the connector');
let isWatched = false;

/** {@link containErrors} for a socket of TLS, which the connector makes of these settings and hides. */
export function containTlsErrors<T extends object>(settings: T): T {
  if (!isWatched) watchConnections();
  isWatched = true;
  return { ...settings, [marker]: true };
}

function watchConnections(): void {
  const { connect } = tls;
  const watched = (...settings: Parameters<typeof connect>) => {
    const socket = connect(...settings);
    return marker in Object(settings[0]) ? containErrors(socket) : socket;
  };
  tls.connect = watched as typeof connect;
}

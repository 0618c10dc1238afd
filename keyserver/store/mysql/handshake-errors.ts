import tls from 'node:tls';
import { containErrors } from './contained-errors.ts';

/** Marks the settings of the connector among all that this process connects with. */
const marker = Symbol('connection of the connector');
let isWatched = false;

/**
 * Settings of TLS for the connector, 3.5.4 of which ends the process if the server ends the connection during the
 * handshake: it takes all listeners from the socket before Node emits the error. Its own listener has told by then.
 */
export function withHandshakeErrors<T extends object>(settings: T): T {
  watchConnections();
  return { ...settings, [marker]: true };
}

/** The connector hides its socket, so the listeners are kept by the function that makes it. */
function watchConnections(): void {
  if (isWatched) return;
  isWatched = true;
  const { connect } = tls;
  const watched = (...settings: Parameters<typeof connect>) => {
    const socket = connect(...settings);
    if (!(marker in Object(settings[0]))) return socket;
    const removeAll = socket.removeAllListeners.bind(socket);
    const removeOthers = (...events: string[]) => removeAll(...events).on('error', () => undefined);
    socket.removeAllListeners = removeOthers;
    return containErrors(socket);
  };
  tls.connect = watched as typeof connect;
}

import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';

/** A handler that is told which connection carries its request. */
export interface CarriedHandler extends Dispatcher.DispatchHandler {
  /** Set before {@link Dispatcher.DispatchHandler.onRequestStart}; returns the connection's socket. */
  carrier?: (() => Socket | null) | undefined;
  /** Set if the request may be sent once more, on a new connection; does so. */
  repeat?: (() => void) | undefined;
}

export interface ConnectionOptions extends Client.Options {
  readonly connect: buildConnector.connector;
}

/** A connection of a pool. undici shows a handler neither the connection nor whether the request was sent whole. */
export function connection(origin: URL, options: ConnectionOptions): Client {
  let socket: Socket | null = null;
  const client = new Client(origin, {
    ...options,
    connect: (target, done) => {
      options.connect(target, (...made: Parameters<buildConnector.Callback>) => {
        [, socket] = made;
        done(...made);
      });
    },
  });
  const carrier = () => socket;
  const dispatch = client.dispatch.bind(client);
  const dispatchCarried: Client['dispatch'] = (request, handler: CarriedHandler) => {
    handler.carrier = carrier;
    return dispatch(request, handler);
  };
  client.dispatch = dispatchCarried;
  return client;
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Maximum number of requests that wait for the answer to an earlier one of their connection. */
const maxWaiting = 16;

/**
 * Lets a pipelined request begin once the answer before it has ended. Node begins it at once, and if the connection
 * breaks it never closes its response: everything that counts until then would count forever.
 */
export function pipelineInTurn(server: Pick<Server, 'emit'>): void {
  const waiting = new WeakMap<Socket, number>();
  const emit = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean;
  const begin = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (response.socket !== null) return emit('request', request, response);
    const { socket } = request;
    const count = (waiting.get(socket) ?? 0) + 1;
    if (count > maxWaiting) {
      socket.destroy();
      return true;
    }
    waiting.set(socket, count);
    // Node gives a response the socket when its turn has come.
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      emit('request', request, response);
    });
    return true;
  };
  const emitInTurn = (event: string, ...args: unknown[]) =>
    event === 'request'
      ? begin(args[0] as IncomingMessage, args[1] as ServerResponse)
      : emit(event, ...args);
  server.emit = emitInTurn;
}

import type { Socket } from 'node:net';

/** Code of the error that statements then fail with. */
export const unreadableAnswer = 'UNREADABLE_ANSWER';

/**
 * An error of the connector at bytes that it cannot read ends their connection: the connector reads on the socket's
 * events, where such an error would end the process. Statements that wait on the connection fail, and the pool makes
 * another one.
 */
export function containErrors<T extends Socket>(socket: T): T {
  const emit = socket.emit.bind(socket);
  const contained: typeof emit = (event: string, ...args: unknown[]) => {
    try {
      return emit(event, ...args);
    } catch (error) {
      if (event !== 'data') throw error;
      // Not its text, which may quote the answer.
      const { name } = Object(error);
      socket.destroy(
        Object.assign(new Error(`not MySQL's protocol: ${name}`), { code: unreadableAnswer }),
      );
      return true;
    }
  };
  socket.emit = contained;
  return socket;
}

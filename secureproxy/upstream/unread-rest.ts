import type { Socket } from 'node:net';

/**
 * An upload of this size may have been answered before it was read: nothing tells whether its rest is still in the
 * kernel, so its connection is not used again. Of rejected ones the smaller size is enough, since they often are.
 */
const longBody = 1024 * 1024;
const longRejectedBody = 64 * 1024;

/** Gives up a connection with an unread rest of an answered request, behind which the next one would have to wait. */
export function giveUpUnread(socket: Socket, status: number, bodyLength: number): void {
  const long = status >= 400 ? longRejectedBody : longBody;
  if (bodyLength >= long) socket.destroy();
  if (socket.writableLength === 0) return;
  // TLS tells of sent bytes by an immediate; undici starts the next request in one that comes behind this.
  setImmediate(() => {
    if (socket.writableLength > 0) socket.destroy();
  });
}

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** No answer to a script is longer, whatever listens at the port. */
export const maxAnswerBytes = 16_384;
/** A line that is an answer, or begins one. */
const headPattern = /^(?:[-+:]|\$(?:-1|(?<text>\d{1,5}))$|\*(?:-1|(?<list>\d{1,3}))$)/;
const endOfLine = 13;

/**
 * Returns the socket that `connect` opens at once. It ends before the library reads bytes that can be no answer to a
 * script: the library holds an answer until its end, however long, and makes lists of their announced size.
 */
export function boundedSocket(connect: () => void): Socket {
  let opened: Socket | undefined;
  const onOpen = (message: unknown) => {
    opened = (message as { socket: Socket }).socket;
  };
  subscribe('net.client.socket', onOpen);
  try {
    connect();
  } finally {
    unsubscribe('net.client.socket', onOpen);
  }
  if (opened === undefined) throw new Error('the Redis library opens no socket that can be seen');
  const socket = opened;
  const isBounded = answerCheck();
  const pushUnchecked = socket.push.bind(socket);
  const push = (bytes: Buffer | null) => {
    if (bytes === null || isBounded(bytes)) return pushUnchecked(bytes);
    socket.destroy(new Error('Redis answers more than a script does'));
    return false;
  };
  return Object.assign(socket, { push });
}

/** Follows answers of RESP 2 as the library does, in pieces as they come; false once they can be none of a script. */
export function answerCheck(): (bytes: Buffer) => boolean {
  let size = 0;
  let values = 1;
  let skipped = 0;
  let line = '';
  return (bytes) => {
    for (const byte of bytes) {
      if (++size > maxAnswerBytes) return false;
      if (skipped > 0) skipped -= 1;
      else if (byte === endOfLine) {
        const head = headPattern.exec(line);
        const { text, list } = head?.groups ?? {};
        const isNested = list !== undefined && size > line.length + 1;
        if (head === null || isNested) return false;
        values += Number(list ?? 0) - 1;
        skipped = text === undefined ? 1 : Number(text) + 3;
        line = '';
      } else line += String.fromCharCode(byte);
      if (values === 0 && skipped === 0) [size, values] = [0, 1];
    }
    return true;
  };
}

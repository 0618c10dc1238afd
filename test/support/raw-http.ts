import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends bytes to a service and resolves to all that comes back until it closes. */
export async function sendRaw(url: string, bytes: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  // A service that refuses early may reset what is still being sent.
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

/** The status and the problem of a raw answer. */
export function readRaw(text: string) {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  return { status: Number(head.split(' ')[1]), head, problem: JSON.parse(body || '{}') };
}

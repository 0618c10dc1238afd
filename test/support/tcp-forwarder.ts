import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

export interface TcpForwarder {
  readonly port: number;
  /** Connections taken so far. */
  readonly accepted: number;
}

/** Passes connections on to ports of 127.0.0.1, each to the next one in turn. It ends with the test. */
export async function startTcpForwarder(
  t: Test,
  targets: readonly number[],
): Promise<TcpForwarder> {
  const open = new Set<Socket>();
  let accepted = 0;
  const server = createServer((near) => {
    const far = connect(targets[accepted % targets.length] ?? 0, '127.0.0.1');
    accepted += 1;
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  });
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
  };
}

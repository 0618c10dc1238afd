import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

export interface TcpForwarder {
  readonly port: number;
  /** Connections taken so far. */
  readonly accepted: number;
  /** Passes nothing on, as if the target hung, until what it returns is called; connections are still taken. */
  halt(): () => void;
  /** Passes nothing on over the connections that there are, as a firewall that has forgotten them; new ones work. */
  forget(): void;
}

/** Passes connections on to ports of 127.0.0.1, each to the next one in turn. It ends with the test. */
export async function startTcpForwarder(
  t: Test,
  targets: readonly number[],
): Promise<TcpForwarder> {
  /** Open sockets, each with its other end. */
  const open = new Map<Socket, Socket>();
  let accepted = 0;
  let isHalted = false;
  const server = createServer((near) => {
    const far = connect(targets[accepted % targets.length] ?? 0, '127.0.0.1');
    accepted += 1;
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.set(socket, other);
      if (!isHalted) socket.pipe(other);
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
    for (const socket of open.keys()) socket.destroy();
    await closed;
  });
  const forget = () => {
    for (const socket of open.keys()) socket.unpipe().pause();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    forget,
    halt() {
      isHalted = true;
      forget();
      return () => {
        isHalted = false;
        for (const [socket, other] of open) socket.pipe(other);
      };
    },
  };
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** A TCP relay whose far end can be changed or taken away, as when a server is replaced. */
export interface Switchboard {
  readonly url: string;
  /** Connects to this URL's port from now on, and cuts what is open; null: nobody is there. */
  connectTo(url: string | null): void;
}

export async function startSwitchboard(test: Test, first: string | null): Promise<Switchboard> {
  const open = new Set<Socket>();
  let target = first;
  const server = createServer((near) => {
    if (target === null) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(new URL(target).port), '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.teardown(() => {
    cut();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connectTo(url) {
      target = url;
      cut();
    },
  };
}

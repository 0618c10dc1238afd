import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Order, Ports } from './main.ts';

/** The process of the greedy app and its marketplaces. */
export interface Attackers {
  readonly ports: Ports;
  begin(order: Order): void;
  /** Resolves when its calls are over. */
  end(): Promise<void>;
  close(): void;
}

export async function startAttackers(): Promise<Attackers> {
  const child = fork(join(import.meta.dirname, 'main.ts'));
  const [ports] = (await once(child, 'message')) as [Ports];
  return {
    ports,
    begin: (order) => void child.send(order),
    end: async () => {
      child.send('end');
      await once(child, 'message');
    },
    close: () => child.disconnect(),
  };
}

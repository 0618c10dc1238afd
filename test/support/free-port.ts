import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Below the ports that systems give to outgoing connections, which could take one before it is listened on. */
const [lowest, beyond] = [12_000, 32_000];
const given = new Set<number>();

/**
 * A TCP port of 127.0.0.1 on which nothing listens now; another one at each call, and for each process of a test run,
 * since a service that restarts must find its port free.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, beyond);
    if (given.has(port) || !(await isFree(port)) || !isReserved(port)) continue;
    given.add(port);
    return port;
  }
}

/** Reserves the port among the processes of this test run, if it is one. */
function isReserved(port: number): boolean {
  const folder = process.env.TEST_PORTS;
  if (folder === undefined) return true;
  try {
    writeFileSync(join(folder, String(port)), '', { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

import { createServer } from 'node:net';
import { LocalError } from './local-error.ts';

/**
 * Checks that a port of the loopback interface can be listened on.
 * @throws LocalError naming the setting to change
 */
export async function checkPortFree(port: number, setting: string): Promise<void> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: '127.0.0.1', port }, resolve);
  try {
    await promise;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new LocalError(
      code === 'EADDRINUSE'
        ? `port ${port} is in use: stop the process that listens there, or set ${setting}`
        : `cannot listen on port ${port} (${code}): set ${setting} to another port`,
    );
  }
  await new Promise((closed) => server.close(closed));
}

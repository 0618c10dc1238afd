import { randomBytes } from 'node:crypto';
import { freePort } from './free-port.ts';
import type { StartedServer } from './mysql-server.ts';
import { serverReady } from './server-ready.ts';

const defaultImage = 'mysql:8.4';
const readyLimitMs = 60_000;

/** Starts a container of `TEST_DATABASE_IMAGE`, of MySQL's or MariaDB's kind. */
export async function startContainer(): Promise<StartedServer> {
  // Loading it takes longer than the tests of most files that could need it.
  const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers');
  const image = process.env.TEST_DATABASE_IMAGE ?? defaultImage;
  const password = randomBytes(12).toString('hex');
  // A port of our choice, as one that the engine chooses would change when it starts again.
  const port = await freePort();
  const started = await new GenericContainer(image)
    .withEnvironment({
      MYSQL_ROOT_PASSWORD: password,
      MARIADB_ROOT_PASSWORD: password,
      MYSQL_ROOT_HOST: '%',
    })
    .withExposedPorts({ container: 3306, host: port })
    .start();
  const address = { host: started.getHost(), port, user: 'root', password };
  const dispose = async () => {
    await started.stop();
  };
  try {
    await serverReady(address, readyLimitMs);
  } catch (error) {
    await dispose();
    throw error;
  }
  const client = await getContainerRuntimeClient();
  const container = client.container.getById(started.getId());
  return {
    address,
    place: `container of ${image}`,
    dispose,
    control: {
      async stop() {
        await container.stop();
      },
      async start() {
        await container.start();
        await serverReady(address, readyLimitMs);
      },
      async kill() {
        await container.kill();
        await container.wait();
      },
      async pause() {
        await container.pause();
      },
      async resume() {
        await container.unpause();
      },
    },
  };
}

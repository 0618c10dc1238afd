import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  GenericContainer,
  getContainerRuntimeClient,
  type StartedTestContainer,
} from 'testcontainers';

/** A container, confined as in docs/deployment.md. */
export class ServiceContainer extends GenericContainer {
  constructor(image: string) {
    super(image);
    this.hostConfig.ReadonlyRootfs = true;
    this.withDroppedCapabilities('ALL').withSecurityOpt('no-new-privileges');
  }
}

/** Starts a container that is removed after the test; its output is collected in `lines`. */
export async function startFor(
  test: Test,
  container: GenericContainer,
  lines: string[] = [],
): Promise<StartedTestContainer> {
  const started = await container
    .withLogConsumer((stream) => stream.on('data', (chunk) => lines.push(String(chunk))))
    .start();
  test.teardown(() => started.stop());
  return started;
}

/** A folder of secrets to mount, which is removed after the test. */
export function secretFolder(test: Test): {
  readonly path: string;
  /** Writes a file; gives its path. */
  write(name: string, content: string): string;
} {
  // The folder keeps other users out, so its files can be readable by a container's user.
  const path = mkdtempSync(join(tmpdir(), 'container-secrets-'));
  test.teardown(() => rmSync(path, { recursive: true }));
  return {
    path,
    write(name, content) {
      const file = join(path, name);
      writeFileSync(file, content, { mode: 0o444 });
      return file;
    },
  };
}

/** A named volume that is removed after the test. */
export async function newVolume(test: Test): Promise<string> {
  const { container } = await getContainerRuntimeClient();
  const name = `test-${randomUUID()}`;
  await container.dockerode.createVolume({ Name: name });
  test.teardown(() => container.dockerode.getVolume(name).remove());
  return name;
}

/** The first subnet of a network, in CIDR. */
export async function subnetOf(networkId: string): Promise<string> {
  const { container } = await getContainerRuntimeClient();
  const { IPAM } = await container.dockerode.getNetwork(networkId).inspect();
  return String(IPAM?.Config?.[0]?.Subnet);
}

/** The result of `docker inspect` for a container. */
export async function inspect(started: StartedTestContainer) {
  const { container } = await getContainerRuntimeClient();
  return container.getById(started.getId()).inspect();
}

/** Sends SIGTERM, and SIGKILL 20 s later; resolves to the exit code: 137 after SIGKILL. */
export async function terminate(started: StartedTestContainer): Promise<number> {
  const { container } = await getContainerRuntimeClient();
  const handle = container.getById(started.getId());
  await handle.stop({ t: 20 });
  const { State } = await handle.inspect();
  return State.ExitCode;
}

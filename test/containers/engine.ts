import { execFileSync } from 'node:child_process';
import t, { type Test } from 'tap';

/** The base of the services' images. */
export const nodeImage = process.env.TEST_NODE_IMAGE ?? 'node:24-bookworm-slim';

/** The image of the services' database. */
export const databaseImage = process.env.TEST_DATABASE_IMAGE ?? 'mysql:8.4';

/** The image of the balancer in front of replicas. */
export const nginxImage = process.env.TEST_NGINX_IMAGE ?? 'nginx:stable';

/** A test that needs a container engine (`DOCKER_HOST`); without one it is skipped. */
export function containerTest(title: string, body: (test: Test) => Promise<void>): void {
  if (process.env.DOCKER_HOST) t.test(title, body);
  else leaveOut(title, 'no container engine: DOCKER_HOST is not set (docs/deployment.md)');
}

/** A {@link containerTest} that needs Compose, too; `body` gets the command of Compose. */
export function composeTest(
  title: string,
  body: (test: Test, command: readonly string[]) => Promise<void>,
): void {
  const command = process.env.DOCKER_HOST === undefined ? undefined : findCompose();
  if (command !== undefined) t.test(title, (test) => body(test, command));
  else leaveOut(title, 'no container engine at DOCKER_HOST, or no Compose (docs/deployment.md)');
}

function findCompose(): readonly string[] | undefined {
  return [['docker', 'compose'], ['docker-compose']].find(([program = '', ...args]) => {
    try {
      execFileSync(program, [...args, 'version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

function leaveOut(title: string, reason: string): void {
  t.test(title, { skip: reason }, async () => {});
}

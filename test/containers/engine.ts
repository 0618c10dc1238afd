import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import t, { type Test } from 'tap';

/** The base of the services' images. */
export const nodeImage = process.env.TEST_NODE_IMAGE ?? 'node:24-bookworm-slim';

/** The image of the services' database. */
export const databaseImage = process.env.TEST_DATABASE_IMAGE ?? 'mysql:8.4';

/** The image of the balancer in front of replicas. */
export const nginxImage = process.env.TEST_NGINX_IMAGE ?? 'nginx:stable';

const isRequired = process.env.TEST_CONTAINERS === 'required';

/** A group of tests that must run with `TEST_CONTAINERS=required`. */
export type Leg = 'store contract' | 'images' | 'replicas' | 'compose.yaml' | 'docs/deployment.md';

/**
 * A test that needs a container engine (`DOCKER_HOST`). Without one it is skipped, or fails with
 * `TEST_CONTAINERS=required`.
 */
export function containerTest(leg: Leg, title: string, body: (test: Test) => Promise<void>): void {
  if (process.env.DOCKER_HOST) run(leg, title, body);
  else leaveOut(title, 'no container engine: DOCKER_HOST is not set (docs/deployment.md)');
}

/** A {@link containerTest} that needs Compose, too; `body` gets the command of Compose. */
export function composeTest(
  leg: Leg,
  title: string,
  body: (test: Test, command: readonly string[]) => Promise<void>,
): void {
  const command = process.env.DOCKER_HOST === undefined ? undefined : findCompose();
  if (command !== undefined) run(leg, title, (test) => body(test, command));
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

function run(leg: Leg, title: string, body: (test: Test) => Promise<void>): void {
  t.test(title, async (test) => {
    await body(test);
    noteRun(leg, test);
  });
}

function leaveOut(title: string, reason: string): void {
  if (isRequired) t.test(title, async (test) => test.fail(reason));
  else t.test(title, { skip: reason }, async () => {});
}

/** Tells test/run.ts that this leg ran on containers and passed. */
function noteRun(leg: Leg, test: Test): void {
  const log = process.env.TEST_CONTAINER_LOG;
  if (log && test.passing()) appendFileSync(log, `${leg}\n`);
}

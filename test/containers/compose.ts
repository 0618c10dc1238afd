import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { pageBlocks, pageSteps } from '../docs/page-blocks.ts';
import { openShell } from '../docs/shell-session.ts';
import { freePort } from '../support/free-port.ts';
import { pollUntil } from '../support/poll-until.ts';
import { buildImage, type CommandResult, docker, root, runCommand } from './command.ts';
import { databaseImage, nodeImage } from './engine.ts';

const images = {
  KEYSERVER_IMAGE: 'test/keyserver',
  SECUREPROXY_IMAGE: 'test/secureproxy',
  MARKETPLACE_IMAGE: 'test/marketplace',
};

const upLimitMs = 300_000;
const restartLimitMs = 60_000;

/** Runs the trial of docs/deployment.md: compose.yaml comes up and a call is answered. `command` is Compose. */
export async function tryCompose(t: Test, command: readonly string[]): Promise<void> {
  await buildImage('Dockerfile.keyserver', images.KEYSERVER_IMAGE, nodeImage);
  await buildImage('Dockerfile.proxy', images.SECUREPROXY_IMAGE, nodeImage);
  await buildImage('deploy/Dockerfile.marketplace', images.MARKETPLACE_IMAGE, nodeImage);
  const machine = t.testdir({ scratch: {} });
  const secrets = join(machine, 'secrets');
  const port = await freePort();
  const environment = {
    ...images,
    MYSQL_IMAGE: databaseImage,
    SECRETS_DIR: secrets,
    SECUREPROXY_PORT: String(port),
    COMPOSE_PROJECT_NAME: `test${randomBytes(4).toString('hex')}`,
  };
  const compose = async (...args: string[]): Promise<CommandResult> => {
    const [program = '', ...first] = command;
    return runCommand(program, [...first, '--file=compose.yaml', ...args], { environment });
  };
  const admin = async (...args: string[]) => {
    const { code, stdout, output } = await compose(
      ...['exec', '-T', 'keyserver', 'keyserver-admin', ...args],
    );
    if (code !== 0) throw new Error(output);
    return stdout.trim();
  };
  t.teardown(() => compose('down', '--volumes', '--timeout=20'));
  const shell = openShell(t, {
    scratch: join(machine, 'scratch'),
    folder: root,
    environment: { ...process.env, ...environment },
    limitMs: upLimitMs,
  });
  const page = readFileSync(join(root, 'docs/deployment.md'), 'utf8');
  const trial = pageSteps(pageBlocks(page)).find(({ place }) => place === 'Trial with Compose');
  const printed = await shell.run(
    (trial?.commands ?? '')
      .replaceAll(/\bsecrets\b/g, secrets)
      .replaceAll('docker compose', command.join(' '))
      // See buildImage.
      .replaceAll('--build', '--no-build')
      .replaceAll('127.0.0.1:5004', `127.0.0.1:${port}`),
  );
  t.match(printed, /tea-pot-1/, 'the marketplace knew the credential');
  const secret = (name: string) => readFileSync(join(secrets, name), 'utf8').trim();
  const passwords = [secret('db-password'), secret('db-root-password')];
  const appKey = secret('orders.key');
  // Docker accepts connections for a service that does not listen yet.
  const productList = () =>
    listProducts(port, appKey).catch((error) => ({ status: 0, body: String(error) }));

  await t.test('everything can be started again as it is', async (t) => {
    const { code, output } = await compose('up', '--detach', '--no-build');
    t.equal(code, 0, 'up', { output });
    t.equal((await compose('restart', 'keyserver', 'marketplace', 'secureproxy')).code, 0);
    const again = await pollUntil(
      'a call is answered',
      productList,
      ({ status }) => status === 200,
      restartLimitMs,
    );
    t.match(again.body, /tea-pot-1/);
    t.match(await admin('doctor'), /^all is well|^no faults/m);
  });

  await t.test('KeyServer and the database have no way to the outside', async (t) => {
    const isInternal = async (service: string) => {
      const id = (await compose('ps', '--quiet', service)).stdout.trim();
      const format = '{{range .NetworkSettings.Networks}}{{println .NetworkID}}{{end}}';
      const networks = (await docker(['inspect', `--format=${format}`, id])).trim().split(/\s+/);
      const shown = await docker(['network', 'inspect', '--format={{.Internal}}', ...networks]);
      return [...new Set(shown.trim().split('\n'))].sort();
    };
    t.same(await isInternal('keyserver'), ['true']);
    t.same(await isInternal('mysql'), ['true']);
    t.same(await isInternal('secureproxy'), ['false', 'true']);
  });

  await t.test('no password is in the configuration or in the logs', async (t) => {
    const shown = (await compose('config')).output + (await compose('logs')).output;
    t.match(shown, 'Server listening');
    for (const password of passwords) t.notOk(shown.includes(password));
    t.notOk(shown.includes(appKey));
    t.notMatch(shown, /spx_\w{10}/);
  });
}

async function listProducts(
  port: number,
  appKey: string,
): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/request_api`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${appKey}` },
    body: JSON.stringify({
      ClientId: 'shop-17',
      TokenType: 'ozon-seller',
      ApiUri: 'https://marketplace:8443/v3/product/list',
      Body: { limit: 100 },
    }),
  });
  return { status: response.status, body: await response.text() };
}

import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { freePort } from '../support/free-port.ts';
import { pollUntil } from '../support/poll-until.ts';
import { buildImage, type CommandResult, docker, runCommand } from './command.ts';
import { databaseImage, nodeImage } from './engine.ts';
import { secretFolder } from './service-container.ts';

const images = {
  KEYSERVER_IMAGE: 'test/keyserver',
  SECUREPROXY_IMAGE: 'test/secureproxy',
  MARKETPLACE_IMAGE: 'test/marketplace',
};

/** Brings compose.yaml up by `command`, as docs/containers.md says, and makes a call. */
export async function tryCompose(t: Test, command: readonly string[]): Promise<void> {
  await buildImage('Dockerfile.keyserver', images.KEYSERVER_IMAGE, nodeImage);
  await buildImage('Dockerfile.proxy', images.SECUREPROXY_IMAGE, nodeImage);
  await buildImage('deploy/Dockerfile.marketplace', images.MARKETPLACE_IMAGE, nodeImage);
  const secrets = secretFolder(t);
  const passwords = ['db-password', 'db-root-password'].map((name) => {
    const password = randomBytes(16).toString('hex');
    secrets.write(name, password);
    return password;
  });
  const port = await freePort();
  const environment = {
    ...images,
    MYSQL_IMAGE: databaseImage,
    SECRETS_DIR: secrets.path,
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
  const up = await compose('up', '--detach', '--no-build');
  if (up.code !== 0) throw new Error(up.output + (await compose('logs', '--no-color')).output);

  const appKey = await admin('app', 'create', 'orders');
  await admin('grant', 'add', 'orders', '--client', 'shop-17', '--type', '*');
  // Docker takes connections for a service that does not listen yet.
  const productList = () =>
    listProducts(port, appKey).catch((error) => ({ status: 0, body: String(error) }));
  const answer = await pollUntil('the grant is known', productList, ({ status }) => status === 200);
  t.match(answer.body, /tea-pot-1/, 'the marketplace knew the credential');

  await t.test('everything can be started again as it is', async (t) => {
    const { code, output } = await compose('up', '--detach', '--no-build');
    t.equal(code, 0, 'up', { output });
    t.equal((await compose('restart', 'keyserver', 'marketplace', 'secureproxy')).code, 0);
    const again = await pollUntil(
      'a call is answered',
      productList,
      ({ status }) => status === 200,
    );
    t.match(again.body, /tea-pot-1/);
    t.match(await admin('doctor'), /all is well/);
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

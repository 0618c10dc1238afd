import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { outputPattern, pageBlocks, pageSteps } from '../docs/page-blocks.ts';
import { openShell, type ShellSession } from '../docs/shell-session.ts';
import { freePort } from '../support/free-port.ts';
import { pollUntil } from '../support/poll-until.ts';
import { docker, root } from './command.ts';
import { containerTest, databaseImage, nodeImage } from './engine.ts';

t.setTimeout(600_000);

const buildLimitMs = 300_000;
const chapter = 'In containers / ';
const stepsOf = (page: string) => pageSteps(pageBlocks(readFileSync(join(root, page), 'utf8')));
const steps = stepsOf('docs/deployment.md').filter(({ place }) => place.startsWith(chapter));
const restart = stepsOf('docs/operations.md').filter(
  ({ place }) => place === 'Restart / A replica in a container',
);

/** Names of containers, networks and volumes that the page creates. */
const made = {
  container: ['keyserver', 'secureproxy', 'marketplace', 'mysql'],
  network: ['database', 'release', 'outside'],
  volume: ['mysql'],
} as const;

containerTest('the page leads from nothing to a call', async (t) => {
  const taken = await namesInUse();
  if (taken.length > 0) {
    t.fail(`the engine has ${taken.join(', ')} already, which this test must not touch`);
    return;
  }
  t.teardown(removeAll);
  const machine = t.testdir({ scratch: {}, srv: {} });
  const port = await freePort();
  const translate = (text: string) =>
    text
      .replaceAll('/srv/', `${machine}/srv/`)
      .replaceAll('5004:5004', `${port}:5004`)
      .replaceAll('127.0.0.1:5004', `127.0.0.1:${port}`)
      .replaceAll('mysql:8.4', databaseImage)
      // See buildImage.
      .replaceAll(
        'docker build ',
        `docker build --network=host --build-arg=NODE_IMAGE=${nodeImage} `,
      );
  const shell = openShell(t, {
    scratch: join(machine, 'scratch'),
    folder: root,
    environment: process.env,
    limitMs: buildLimitMs,
  });
  // Keeps the page's files out of the project.
  const here = join(machine, 'here');
  mkdirSync(here);
  writeFileSync(join(here, 'token.json'), '{"clientId": "4711", "apiKey": "made-up"}');

  for (const { place, commands, output } of steps) {
    await t.test(place.replace(chapter, ''), async (t) => {
      // An operator may paste each block into a new shell.
      const text = await shell.run(`umask 022\n${translate(commands)}`);
      if (output !== undefined) t.match(text, outputPattern(output));
      if (place.includes('1. Images')) await shell.run(`cd ${here}`);
    });
  }

  await t.test('KeyServer judges what the last steps gave to the app', async (t) => {
    const answer = await pollUntil(
      'the grant is known',
      () => denied(shell, port),
      (text) => text.includes('"reason":"path"'),
    );
    t.match(answer, '"code":"grant_denied"');
  });

  await t.test('keys are closed to others', async (t) => {
    for (const file of [
      'srv/keyserver/keys/keyring/primary',
      'srv/secureproxy/proxy.key',
      'here/orders.key',
    ]) {
      t.equal(statSync(join(machine, file)).mode & 0o077, 0, file);
    }
  });

  await t.test('a replica restarts, and is ready again', async (t) => {
    t.equal(restart.length, 1);
    for (const { commands } of restart) await shell.run(commands);
    t.match(await denied(shell, port), '"code":"grant_denied"');
  });

  await t.test('a stop right after the start is heard', async (t) => {
    for (const name of ['secureproxy', 'keyserver']) {
      await docker(['restart', name]);
      // Before that even an init process cannot pass a signal on.
      await pollUntil(
        `Node runs in ${name}`,
        () => docker(['top', name]),
        (processes) =>
          processes.split('\n').some((line) => /(?<!-- )node \w+\/main\.ts$/.test(line)),
      );
      await docker(['stop', name]);
      const code = (await docker(['inspect', '--format={{.State.ExitCode}}', name])).trim();
      t.ok(['0', '143'].includes(code), `${name} ended with ${code}`);
    }
  });

  await t.test('nothing secret is in docker inspect or in the logs', async (t) => {
    const shown = await shell.run(`
      docker inspect keyserver secureproxy mysql
      for name in keyserver secureproxy; do docker logs $name 2>&1; done`);
    for (const file of ['keyserver/secrets/db-password', 'secureproxy/proxy.key']) {
      const secret = readFileSync(join(machine, 'srv', file), 'utf8').trim();
      t.ok(secret.length > 30);
      t.notOk(shown.includes(secret), file);
    }
  });
});

/** A call that the page's grant does not allow, so that it leaves for no marketplace. */
function denied(shell: ShellSession, port: number): Promise<string> {
  const body = {
    ClientId: 'shop-17',
    TokenType: 'ozon-seller',
    ApiUri: 'https://api-seller.ozon.ru/v2/other',
  };
  return shell.run(`curl --silent --show-error http://127.0.0.1:${port}/request_api \
    --header "Authorization: Bearer $(cat orders.key)" --header 'Content-Type: application/json' \
    --data '${JSON.stringify(body)}'`);
}

async function namesInUse(): Promise<string[]> {
  const lists: Record<keyof typeof made, readonly string[]> = {
    container: ['container', 'ls', '--all', '--format={{.Names}}'],
    network: ['network', 'ls', '--format={{.Name}}'],
    volume: ['volume', 'ls', '--format={{.Name}}'],
  };
  const found: string[] = [];
  for (const [kind, names] of Object.entries(made)) {
    const used = (await docker(lists[kind as keyof typeof made])).split('\n');
    found.push(...names.filter((name) => used.includes(name)).map((name) => `${kind} ${name}`));
  }
  return found;
}

/** Removes everything that the page created, also after a failure half-way. */
function removeAll(): void {
  for (const [kind, names] of Object.entries(made)) {
    for (const name of names) {
      const force = kind === 'network' ? [] : ['--force'];
      try {
        execFileSync('docker', [kind, 'rm', ...force, name], { stdio: 'ignore' });
      } catch {
        // The page did not come to create it.
      }
    }
  }
}

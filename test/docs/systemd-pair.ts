import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { sharedServer } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { ask, type ServerAddress } from '../support/mysql-server.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { type OperatorMachine, operatorMachine } from './operator-machine.ts';
import { outputPattern, pageBlocks, pageSteps, type Step } from './page-blocks.ts';
import { root } from './sources.ts';

const stepsOf = (page: string) => pageSteps(pageBlocks(readFileSync(join(root, page), 'utf8')));
export const deployment = stepsOf('docs/deployment.md');
export const operations = stepsOf('docs/operations.md');
const chapter = 'With systemd';
const random = () => randomBytes(6).toString('hex');

/** A pair that docs/deployment.md has led to. */
export interface SystemdPair {
  readonly machine: OperatorMachine;
  readonly keyserverPort: string;
  readonly proxyPort: string;
  /** Apps call the proxy by it. */
  scheme: 'http' | 'https';
  /** Of the app `orders`. */
  readonly appKey: string;
  /** The answer to a call if the client's token arrived. */
  readonly shown: string;
  /** KeyServer's own user of the database. */
  readonly reader: ServerAddress & { readonly database: string };
  /** The database as it was made, without what is in it. */
  emptyDatabase(): Promise<void>;
  /** Runs the blocks below a heading of docs/operations.md; resolves to what they print. */
  follows(test: Test, place: string, wanted?: (step: Step) => boolean): Promise<string>;
  /** Likewise of docs/deployment.md. */
  followsDeployment(test: Test, place: string): Promise<string>;
  /** The text of a file of the machine. */
  read(path: string): string;
  /** Resolves to the answer of a call with this app key. */
  call(appKey?: string): Promise<string>;
}

/** True if the shell finds the command. */
export function isThere(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** False: the commands `mysql` and `mysqldump` are stand-ins. */
export const hasMysqlClient = isThere('mysql') && isThere('mysqldump');

/** Runs the blocks below one heading of a page, and checks the output that it shows. */
async function follow(
  test: Test,
  machine: OperatorMachine,
  steps: readonly Step[],
  place: string,
  wanted: (step: Step) => boolean = () => true,
): Promise<string> {
  const found = steps.filter((step) => step.place === place && wanted(step));
  test.ok(found.length > 0, `the page has commands in ${place}`);
  let printed = '';
  for (const { commands, output } of found) {
    // An operator may paste each block into a new shell.
    const text = await machine.run(`umask 022\n${machine.translate(commands)}`);
    if (output !== undefined) test.match(text, outputPattern(output), place);
    printed += text;
  }
  return printed;
}

/** Follows docs/deployment.md from nothing to a pair with a type, a token and an app, ready for a call. */
export async function deploySystemdPair(
  t: Test,
  { startsTool }: { readonly startsTool: boolean },
): Promise<SystemdPair> {
  const { address } = await sharedServer();
  const database = `operations_${random()}`;
  const users = { reader: `reader_${random()}`, admin: `admin_${random()}` };
  const ports = (await Promise.all(Array.from({ length: 4 }, freePort))).map(String);
  const [keyserverPort = '', proxyPort = '', keyserverOps = '', proxyOps = ''] = ports;
  const upstream = await startPlainUpstream(t, showAuthorization);
  const names = [
    [
      'mysql --host=db.example --ssl-ca=/etc/keyserver/db-ca.crt --user=root --password',
      `mysql --host=${address.host} --port=${address.port} --user=${address.user} --password='${address.password}'`,
    ],
    ['DB_TLS_CA=/etc/keyserver/db-ca.crt', 'DB_ALLOW_PUBLIC_KEY_RETRIEVAL=1'],
    ['ssl-ca=/etc/keyserver/db-ca.crt', `port=${address.port}`],
    ['db.example', address.host],
    ['DB_PORT=3306', `DB_PORT=${address.port}`],
    ['DB_NAME=keyserver', `DB_NAME=${database}`],
    ['DB_USER=keyserver_admin', `DB_USER=${users.admin}`],
    ['DB_USER=keyserver', `DB_USER=${users.reader}`],
    ['user=keyserver_admin', `user=${users.admin}`],
    ['client.cnf keyserver', `client.cnf ${database}`],
    ['--no-tablespaces keyserver', `--no-tablespaces ${database}`],
    ["'keyserver'@", `'${users.reader}'@`],
    ["'keyserver_admin'@", `'${users.admin}'@`],
    ['DATABASE keyserver ', `DATABASE ${database} `],
    ['keyserver.*', `${database}.*`],
    ['keyserver.replicas', `${database}.replicas`],
    ['keyserver.key_uses', `${database}.key_uses`],
    ['keyserver.example', 'localhost'],
    ['5001', keyserverPort],
    ['5004', proxyPort],
    ['9001', keyserverOps],
    ['9004', proxyOps],
  ] as const;
  const machine = await operatorMachine(t, { names, startsTool });
  const followsDeployment = (test: Test, place: string) => follow(test, machine, deployment, place);
  const read = (path: string) => readFileSync(machine.path(path), 'utf8').trim();

  await t.test('the project, the database, settings and keys', async (t) => {
    await followsDeployment(t, `${chapter} / 1. Project and users`);
    await machine.run(`cd ${machine.path('/home')}`);
    if (!hasMysqlClient) {
      t.comment('without the client of MySQL: its commands are stand-ins');
      await machine.run('mysqldump() { :; }; mysql() { cat >"$MACHINE/scratch/statements.sql"; }');
    }
    await followsDeployment(t, `${chapter} / 2. Database`);
    if (!hasMysqlClient) {
      for (const statement of read('/scratch/statements.sql').split(/;$/m)) {
        if (statement.trim() !== '') await ask(address, statement);
      }
    }
    await followsDeployment(t, `${chapter} / 3. Settings and keys`);
  });
  t.teardown(async () => {
    await ask(address, `DROP DATABASE ${database}`);
    for (const user of Object.values(users)) await ask(address, `DROP USER '${user}'@'%'`);
  });

  await t.test('both services start, and are ready', async (t) => {
    await followsDeployment(t, `${chapter} / 4. KeyServer`);
    await followsDeployment(t, `${chapter} / 5. SecureProxy`);
  });

  await t.test('types, tokens, apps', async (t) => {
    writeFileSync(
      machine.path('/home/token.json'),
      '{"clientId": "4711", "apiKey": "k3X9pQ7vLm2RtY8wZb4N"}',
    );
    const text = await followsDeployment(t, `${chapter} / 6. Types, tokens, apps`);
    t.match(text, /^all is well$/m);
  });

  await machine.run(`
    keyserver-admin type put trial --destination ${upstream} --unsafe-plaintext \
      --unsafe-allow-private 127.0.0.0/8
    echo made-up-token |
      keyserver-admin token put --client shop-17 --type trial --expires 2099-01-01
    keyserver-admin grant add orders --client shop-17 --type trial`);
  const pair: SystemdPair = {
    machine,
    keyserverPort,
    proxyPort,
    scheme: 'http',
    appKey: read('/home/orders.key'),
    shown: JSON.stringify(showOf('Bearer made-up-token')),
    get reader() {
      return {
        ...address,
        user: users.reader,
        password: read('/etc/keyserver/db-password'),
        database,
      };
    },
    async emptyDatabase() {
      await ask(address, `DROP DATABASE ${database}`);
      await ask(address, `CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    },
    follows: (test, place, wanted) => follow(test, machine, operations, place, wanted),
    followsDeployment,
    read,
    call(appKey = pair.appKey) {
      const { scheme } = pair;
      const body = { ClientId: 'shop-17', TokenType: 'trial', ApiUri: `${upstream}/v1/orders` };
      const to = `--connect-to proxy.example:${proxyPort}:127.0.0.1:${proxyPort} ${scheme}://proxy.example:${proxyPort}/request_api`;
      return machine.run(
        machine.translate(`
        test ${scheme} = http || ca='--cacert /srv/pair-ca/ca.crt'
        curl --silent --show-error \${ca:-} ${to} --header 'Authorization: Bearer ${appKey}' \
          --header 'Content-Type: application/json' --data '${JSON.stringify(body)}'`),
      );
    },
  };
  return pair;
}

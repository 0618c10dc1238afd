import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { errorTable } from '../../shared/errors.ts';
import { sharedServer } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { ask } from '../support/mysql-server.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { type OperatorMachine, operatorMachine } from './operator-machine.ts';
import { outputPattern, pageBlocks, pageSteps, type Step } from './page-blocks.ts';
import { readSources, root } from './sources.ts';

t.setTimeout(300_000);

const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const blocks = pageBlocks(page);
const steps = pageSteps(blocks);
const shown = JSON.stringify(showOf('Bearer made-up-token'));
const random = () => randomBytes(6).toString('hex');

function isThere(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs the blocks of one place of the page; they print what it shows. */
async function follow(
  test: Test,
  machine: OperatorMachine,
  place: string,
  wanted: (step: Step) => boolean = () => true,
): Promise<string> {
  const found = steps.filter((step) => step.place === place && wanted(step));
  test.ok(found.length > 0, `the page has commands in ${place}`);
  let printed = '';
  for (const { commands, output } of found) {
    const text = await machine.run(machine.translate(commands));
    if (output !== undefined) test.match(text, outputPattern(output), place);
    printed += text;
  }
  return printed;
}

t.test('a deployment without containers, as the page has it', async (t) => {
  const { address } = await sharedServer();
  const database = `operations_${random()}`;
  const users = { reader: `reader_${random()}`, admin: `admin_${random()}` };
  const passwords = { reader: random(), admin: random() };
  const ports = await Promise.all(Array.from({ length: 4 }, freePort));
  const [keyserverPort, proxyPort, keyserverOps, proxyOps] = ports.map(String);
  const upstream = await startPlainUpstream(t, showAuthorization);
  const machine = await operatorMachine(t, [
    ['DB_TLS_CA=/etc/keyserver/db-ca.crt', 'DB_ALLOW_PUBLIC_KEY_RETRIEVAL=1'],
    ['db.example', address.host],
    ['DB_PORT=3306', `DB_PORT=${address.port}`],
    ['DB_NAME=keyserver', `DB_NAME=${database}`],
    ['DB_USER=keyserver_admin', `DB_USER=${users.admin}`],
    ['DB_USER=keyserver', `DB_USER=${users.reader}`],
    ['client.cnf keyserver', `client.cnf ${database}`],
    ['--no-tablespaces keyserver', `--no-tablespaces ${database}`],
    ["'keyserver'@", `'${users.reader}'@`],
    ["'keyserver_admin'@", `'${users.admin}'@`],
    ['the first password', passwords.reader],
    ['the second password', passwords.admin],
    ['DATABASE keyserver ', `DATABASE ${database} `],
    ['keyserver.*', `${database}.*`],
    ['keyserver.example', 'localhost'],
    ['5001', keyserverPort ?? ''],
    ['5004', proxyPort ?? ''],
    ['9001', keyserverOps ?? ''],
    ['9004', proxyOps ?? ''],
  ]);

  await t.test('the project, the database, settings and keys', async (t) => {
    await follow(t, machine, 'Without containers / 1. The project and its users');
    const sql = blocks.find(({ language }) => language === 'sql')?.text ?? '';
    for (const statement of machine.translate(sql).split(';')) {
      if (statement.trim() !== '') await ask(address, statement);
    }
    writeFileSync(machine.path('/etc/keyserver/db-password'), passwords.reader);
    writeFileSync(machine.path('/etc/keyserver/admin/db-password'), passwords.admin);
    writeFileSync(machine.path('/etc/keyserver/admin/passphrase'), random(), { mode: 0o600 });
    writeFileSync(
      machine.path('/etc/keyserver/admin/client.cnf'),
      `[client]\nhost=${address.host}\nport=${address.port}\nuser=${users.admin}\npassword=${passwords.admin}\n`,
      { mode: 0o600 },
    );
    await follow(t, machine, 'Without containers / 3. Settings and keys');
    t.equal(statSync(machine.path('/etc/keyserver/rsa')).mode & 0o777, 0o700);
  });
  t.teardown(async () => {
    await ask(address, `DROP DATABASE ${database}`);
    for (const user of Object.values(users)) await ask(address, `DROP USER '${user}'@'%'`);
  });

  await t.test('both services start, and are ready', async (t) => {
    await follow(t, machine, 'Without containers / 4. KeyServer');
    await follow(t, machine, 'Without containers / 5. SecureProxy');
  });

  const appKey = (
    await machine.run(`
      admin type put trial --destination ${upstream} --unsafe-plaintext \
        --unsafe-allow-private 127.0.0.0/8 >&2
      echo made-up-token | admin token put --client shop-17 --type trial --expires 2099-01-01 >&2
      admin app create orders
      admin grant add orders --client shop-17 --type trial >&2`)
  ).trim();

  await t.test('a call is answered', async (t) => {
    const answer = await pollUntil(
      'the grant is known',
      () => call(machine, { scheme: 'http', port: proxyPort, appKey, upstream }),
      (text) => text.includes(shown),
    );
    t.match(answer, shown);
    await machine.run(`curl --silent http://127.0.0.1:${proxyPort}/no-such-path`);
  });

  await t.test('KeyServer has no right to change anything', async (t) => {
    await t.rejects(
      ask(
        { ...address, user: users.reader, password: passwords.reader, database },
        "UPDATE documents SET body = ''",
      ),
      /denied/,
    );
  });

  await t.test('what to watch', { skip: isThere('jq') ? false : 'no jq' }, async (t) => {
    const isDoctor = ({ commands }: Step) => commands.includes('admin doctor');
    const text = await follow(t, machine, 'What to watch', (step) => !isDoctor(step));
    t.match(text, /^ *\d+ route_not_found -$/m, 'errors by code and reason');
    t.match(text, /"request_id":"[^"]+".*"error.type":"route_not_found"/, 'one call by its id');
    t.match(text, /^[\d.]+\t[\d.]+\t[\d.]+\tshop-17$/m, 'the slowest calls');
    const findings = await follow(t, machine, 'What to watch', isDoctor);
    t.match(findings, /^all is well\nwarning: unsafe types: .*trial.*\n(?:warning: .*\n)*$/m);
    t.notMatch(findings, 'shop-17 trial 2099', 'a token that does not end soon');
  });

  await t.test('backup and restore', async (t) => {
    const place = 'Backup and restore';
    const isBackup = ({ commands }: Step) => commands.includes('mysqldump');
    if (!isThere('mysqldump')) {
      t.comment('without mysqldump: only the keyring is backed up and restored');
      await machine.run('mysqldump() { :; }; mysql() { cat >/dev/null; }');
    }
    await follow(t, machine, place, isBackup);
    if (isThere('mysqldump')) {
      await ask(address, `DROP DATABASE ${database}`);
      await ask(address, `CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    }
    await machine.run(machine.translate('rm -r /etc/keyserver/keyring'));
    const text = await follow(t, machine, place, (step) => !isBackup(step));
    t.match(text, /tokens +ok +1 row\n/);
  });

  await t.test('TLS on both, with a certificate of the proxy, and its renewal', async (t) => {
    await follow(t, machine, 'TLS');
    const answer = await call(machine, { scheme: 'https', port: proxyPort, appKey, upstream });
    t.match(answer, shown);
    const refused = await machine.run(
      machine.translate(
        `curl --silent --cacert /srv/pair-ca/ca.crt https://localhost:${keyserverPort}/healthz || echo refused`,
      ),
    );
    t.equal(refused, 'refused\n', 'KeyServer wants a certificate');
  });

  await t.test('a drain, seen by the probe', async (t) => {
    await follow(t, machine, 'Start, drain, stop');
  });

  await t.test('settings that cannot be used end it with code 78', async (t) => {
    const settings = machine.translate('/etc/keyserver/settings');
    await machine.run(`echo PORT=none >> ${settings}
      kill "$(cat "$MACHINE/run/keyserver")"; wait "$(cat "$MACHINE/run/keyserver")"; begin_unit keyserver`);
    t.equal(
      await machine.run('wait "$(cat "$MACHINE/run/keyserver")" && echo 0 || echo $?'),
      '78\n',
    );
  });
});

interface Way {
  readonly scheme: 'http' | 'https';
  readonly port: string | undefined;
  readonly appKey: string;
  readonly upstream: string;
}

function call(machine: OperatorMachine, { scheme, port, appKey, upstream }: Way): Promise<string> {
  const body = { ClientId: 'shop-17', TokenType: 'trial', ApiUri: `${upstream}/v1/orders` };
  const to = `--connect-to proxy.example:${port}:127.0.0.1:${port} ${scheme}://proxy.example:${port}/request_api`;
  return machine.run(
    machine.translate(`
    test ${scheme} = http || ca='--cacert /srv/pair-ca/ca.crt'
    curl --silent --show-error \${ca:-} ${to} --header 'Authorization: Bearer ${appKey}' \
      --header 'Content-Type: application/json' --data '${JSON.stringify(body)}'`),
  );
}

t.test('every alarm of the page is a line that the services write', async (t) => {
  const sources = readSources('shared', 'keyserver', 'secureproxy').map(({ text }) => text);
  const [, table = ''] = page.split('Lines of the log, by `msg`:');
  const [, second = ''] = table.split('by `error.type`;');
  const rows = [...(table.split("Requests' lines")[0] ?? '').matchAll(/^\| `([^`]+)` \|/gm)];
  t.ok(rows.length > 10);
  for (const [, shown = ''] of rows) {
    const text = shown.replace(/…$/, '').trim();
    t.ok(
      sources.some((source) => source.includes(text)),
      shown,
    );
  }
  const levels = /log(?:ger)?\.(?:warn|error|fatal)\([^;]*?'((?:[^'\\]|\\.)+)',?\s*\)/g;
  for (const [, message = ''] of sources.flatMap((text) => [...text.matchAll(levels)])) {
    t.ok(
      rows.some(([, shown = '']) => message.startsWith(shown.replace(/…$/, '').trim())),
      `the page has: ${message}`,
    );
  }
  for (const code of Object.keys(errorTable)) {
    const isOurs = errorTable[code as keyof typeof errorTable].status >= 500;
    if (isOurs) t.match(second, `[${code}](errors/${code}.md)`, code);
  }
});

t.test('every shell block of the page parses', async (t) => {
  t.ok(steps.length > 15);
  for (const { place, commands } of steps) {
    t.doesNotThrow(() => execFileSync('bash', ['-n'], { input: commands }), place);
  }
});

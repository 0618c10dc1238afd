import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
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

const runbook = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const deployment = pageSteps(pageBlocks(readFileSync(join(root, 'docs/deployment.md'), 'utf8')));
const operations = pageSteps(pageBlocks(runbook));
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

t.test('a deployment with systemd and its runbook, as the pages have them', async (t) => {
  const { address } = await sharedServer();
  const database = `operations_${random()}`;
  const users = { reader: `reader_${random()}`, admin: `admin_${random()}` };
  const ports = await Promise.all(Array.from({ length: 4 }, freePort));
  const [keyserverPort, proxyPort, keyserverOps, proxyOps] = ports.map(String);
  const upstream = await startPlainUpstream(t, showAuthorization);
  const machine = await operatorMachine(t, [
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
    ['keyserver.example', 'localhost'],
    ['5001', keyserverPort ?? ''],
    ['5004', proxyPort ?? ''],
    ['9001', keyserverOps ?? ''],
    ['9004', proxyOps ?? ''],
  ]);

  const follows = (test: Test, place: string, wanted?: (step: Step) => boolean) =>
    follow(test, machine, operations, place, wanted);
  const read = (path: string) => readFileSync(machine.path(path), 'utf8').trim();
  const hasClient = isThere('mysql') && isThere('mysqldump');

  await t.test('the project, the database, settings and keys', async (t) => {
    const chapter = 'With systemd';
    await follow(t, machine, deployment, `${chapter} / 1. Project and users`);
    await machine.run(`cd ${machine.path('/home')}`);
    if (!hasClient) {
      t.comment('without the client of MySQL: its commands are stand-ins');
      await machine.run('mysqldump() { :; }; mysql() { cat >"$MACHINE/scratch/statements.sql"; }');
    }
    await follow(t, machine, deployment, `${chapter} / 2. Database`);
    if (!hasClient) {
      for (const statement of read('/scratch/statements.sql').split(/;$/m)) {
        if (statement.trim() !== '') await ask(address, statement);
      }
    }
    await follow(t, machine, deployment, `${chapter} / 3. Settings and keys`);
  });
  t.teardown(async () => {
    await ask(address, `DROP DATABASE ${database}`);
    for (const user of Object.values(users)) await ask(address, `DROP USER '${user}'@'%'`);
  });

  await t.test('both services start, and are ready', async (t) => {
    await follow(t, machine, deployment, 'With systemd / 4. KeyServer');
    await follow(t, machine, deployment, 'With systemd / 5. SecureProxy');
  });

  await t.test('types, tokens, apps', async (t) => {
    writeFileSync(machine.path('/home/token.json'), '{"clientId": "4711", "apiKey": "made-up"}');
    const text = await follow(t, machine, deployment, 'With systemd / 6. Types, tokens, apps');
    t.match(text, /^all is well$/m);
  });

  await machine.run(`
    keyserver-admin type put trial --destination ${upstream} --unsafe-plaintext \
      --unsafe-allow-private 127.0.0.0/8
    echo made-up-token |
      keyserver-admin token put --client shop-17 --type trial --expires 2099-01-01
    keyserver-admin grant add orders --client shop-17 --type trial`);
  const appKey = read('/home/orders.key');

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
        { ...address, user: users.reader, password: read('/etc/keyserver/db-password'), database },
        "UPDATE documents SET body = ''",
      ),
      /denied/,
    );
  });

  await t.test('monitoring', { skip: isThere('jq') ? false : 'no jq' }, async (t) => {
    const isDoctor = ({ commands }: Step) => commands.includes('keyserver-admin doctor');
    const text = await follows(t, 'Monitoring', (step) => !isDoctor(step));
    t.match(text, /^ *\d+ route_not_found -$/m, 'errors by code and reason');
    t.match(text, /"request_id":"[^"]+".*"error.type":"route_not_found"/, 'one call by its id');
    t.match(text, /^[\d.]+\t[\d.]+\t[\d.]+\tshop-17$/m, 'the slowest calls');
    const findings = await follows(t, 'Monitoring', isDoctor);
    t.match(findings, /^all is well\nwarning: unsafe types: .*trial.*\n(?:warning: .*\n)*$/m);
    t.notMatch(findings, 'shop-17 trial 2099', 'a token that does not end soon');
  });

  await t.test('backup and restore', async (t) => {
    await follows(t, 'Backup');
    if (hasClient) {
      await ask(address, `DROP DATABASE ${database}`);
      await ask(address, `CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    }
    await machine.run(machine.translate('rm -r /etc/keyserver/keyring'));
    const text = await follows(t, 'Restore');
    t.match(text, /tokens +ok +2 rows\n/);
  });

  await t.test('TLS on both, with a certificate of the proxy, and its renewal', async (t) => {
    await follow(t, machine, deployment, 'TLS');
    const answer = await call(machine, { scheme: 'https', port: proxyPort, appKey, upstream });
    t.match(answer, shown);
    const refused = await machine.run(
      machine.translate(
        `curl --silent --cacert /srv/pair-ca/ca.crt https://localhost:${keyserverPort}/healthz || echo refused`,
      ),
    );
    t.equal(refused, 'refused\n', 'KeyServer wants a certificate');
    await follows(t, 'Change keys / Certificates');
  });

  await t.test('a new app key: both work for a while', async (t) => {
    await machine.run(`cd ${machine.path('/home')}`);
    await follows(t, 'Change keys / App key');
    const newKey = read('/home/orders.key.new');
    t.not(newKey, appKey);
    for (const key of [appKey, newKey]) {
      const answer = await pollUntil(
        'the key is known',
        () => call(machine, { scheme: 'https', port: proxyPort, appKey: key, upstream }),
        (text) => text.includes(shown),
      );
      t.match(answer, shown);
    }
  });

  await t.test('a new proxy key', async (t) => {
    const before = read('/etc/secureproxy/proxy.key');
    await follows(t, 'Change keys / Proxy key');
    t.not(read('/etc/secureproxy/proxy.key'), before);
    const answer = await call(machine, { scheme: 'https', port: proxyPort, appKey, upstream });
    t.match(answer, shown);
  });

  await t.test('a new password of the database', { skip: !hasClient }, async (t) => {
    const before = read('/etc/keyserver/db-password');
    await follows(t, 'Change keys / Database password');
    t.not(read('/etc/keyserver/db-password'), before);
  });

  await t.test('a new RSA key', async (t) => {
    const text = await follows(t, 'Change keys / RSA key');
    const [, id = ''] = /^([\w-]{43})$/m.exec(text) ?? [];
    t.match(text, `primary key id ${id}\n`, 'the id that the page works out is the one published');
    t.match(await machine.run('journalctl -u pair@secureproxy -o cat'), `"key_id":"${id}"`);
  });

  await t.test('a new at-rest key', async (t) => {
    const before = read('/etc/keyserver/keyring/primary');
    const text = await follows(t, 'Change keys / At-rest key');
    t.match(text, new RegExp(`^shop-17 +trial +${before} `, 'm'), 'rows keep their key');
    const put = 'echo made-up-token | keyserver-admin token put --client shop-17 --type trial';
    await machine.run(put);
    const after = read('/etc/keyserver/keyring/primary');
    t.not(after, before);
    t.match(
      await machine.run('keyserver-admin token list'),
      new RegExp(`^shop-17 +trial +${after} `, 'm'),
    );
    t.match(await machine.run('keyserver-admin doctor'), /^all is well$/m);
  });

  await t.test('one replica after the other, and a drain, seen by the probe', async (t) => {
    await follows(t, 'Restart / One replica after the other');
    const answer = await call(machine, { scheme: 'https', port: proxyPort, appKey, upstream });
    t.match(answer, shown);
    await follows(t, 'Restart / Drain');
  });

  await t.test('what the pages wrote is closed to others', async (t) => {
    const open = await machine.run(
      'cd "$MACHINE" && find etc srv var usr home -type f -perm /077 | sort',
    );
    const isPublic = /\.crt$|^etc\/systemd\//;
    t.same(
      open.split('\n').filter((path) => path !== '' && !isPublic.test(path)),
      [],
    );
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

t.test('every alarm of the runbook is a log message of the services', async (t) => {
  const sources = readSources('shared', 'keyserver', 'secureproxy').map(({ text }) => text);
  const [, messages = '', codes = ''] = runbook.split(/^### (?:Log messages|Error codes)$/m);
  const rows = [...messages.matchAll(/^\| `([^`]+)` \|/gm)].filter(([, row]) => row !== 'msg');
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
    if (isOurs) t.match(codes, `[${code}](errors/${code}.md)`, code);
  }
});

t.test('every shell block of the pages parses', async (t) => {
  const steps = [...deployment, ...operations];
  t.ok(steps.length > 30);
  for (const { place, commands } of steps) {
    t.doesNotThrow(() => execFileSync('bash', ['-n'], { input: commands }), place);
  }
});

t.test('the pages close a file of secrets to others before they write it', async (t) => {
  const written =
    /(?:>>?|(?<!-)-(?:key)?out)\s*"?[^\s"<>|&]+(?:\.(?:key|pem|sql|cnf|enc)|password|passphrase)(?:\.new)?"?(?![^\s)])/g;
  let files = 0;
  for (const { place, commands } of [...deployment, ...operations]) {
    for (const { 0: shown, index } of commands.matchAll(written)) {
      files += 1;
      t.ok(commands.slice(0, index).includes('umask 077\n'), `${place}: ${shown}`);
    }
  }
  t.ok(files > 20, `only ${files} files were found`);
});

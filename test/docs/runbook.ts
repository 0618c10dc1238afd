import type { Test } from 'tap';
import { ask } from '../support/mysql-server.ts';
import { pollUntil } from '../support/poll-until.ts';
import type { Step } from './page-blocks.ts';
import { deploySystemdPair, hasMysqlClient, isThere, type SystemdPair } from './systemd-pair.ts';

type Part = (t: Test, pair: SystemdPair) => Promise<void>;

/** Why a part cannot run on this machine. */
const lacks: Readonly<Record<string, string | false>> = {
  monitoring: !isThere('jq') && 'no jq',
  'a new password of the database': !hasMysqlClient && 'no client of MySQL',
};

/** A change applies within two seconds, and later on a machine that is busy. */
async function callUntilShown(t: Test, pair: SystemdPair, appKey?: string): Promise<void> {
  const answer = await pollUntil(
    'a call is answered',
    () => pair.call(appKey),
    (text) => text.includes(pair.shown),
  );
  t.match(answer, pair.shown);
}

/** Parts that show that a deployment works. */
export const firstParts: Readonly<Record<string, Part>> = {
  'a call is answered': async (t, pair) => {
    await callUntilShown(t, pair);
    await pair.machine.run(
      `curl --silent --output /dev/null http://127.0.0.1:${pair.proxyPort}/no-such-path`,
    );
  },
  'KeyServer has no right to change anything': async (t, { reader }) => {
    await t.rejects(ask(reader, "UPDATE documents SET body = ''"), /denied/);
  },
};

/** Parts of the runbook that restart no service, and take little time. */
export const quickParts: Readonly<Record<string, Part>> = {
  monitoring: async (t, pair) => {
    const isDoctor = ({ commands }: Step) => commands.includes('keyserver-admin doctor');
    const byCode = /^ *\d+ route_not_found -$/m;
    const byId = /"request_id":"[^"]+".*"error.type":"route_not_found"/;
    // The entry of a request is written after its answer.
    const text = await pollUntil(
      'errors by code and reason, and one call by its id',
      () => pair.follows(t, 'Monitoring', (step) => !isDoctor(step)),
      (printed) => byCode.test(printed) && byId.test(printed),
    );
    t.match(text, /^[\d.]+\t[\d.]+\t[\d.]+\tshop-17$/m, 'the slowest calls');
    const findings = await pair.follows(t, 'Monitoring', isDoctor);
    t.match(
      findings,
      /^no faults, \d checks found warnings: exit code 0\nwarning: unsafe types: .*trial.*\n(?:warning: .*\n)*no tokens\n$/m,
    );
  },
  'config as code': async (t, pair) => {
    await pair.machine.run(`cd ${pair.machine.path('/home')}`);
    const text = await pair.follows(t, 'Config as code');
    t.match(text, /^no changes\nno changes\n$/m);
  },
  'a new app key: both work for a while': async (t, pair) => {
    await pair.machine.run(`cd ${pair.machine.path('/home')}`);
    await pair.follows(t, 'Change keys / App key');
    const newKey = pair.read('/home/orders.key.new');
    t.not(newKey, pair.appKey);
    for (const key of [pair.appKey, newKey]) await callUntilShown(t, pair, key);
  },
  'a new proxy key': async (t, pair) => {
    const before = pair.read('/etc/secureproxy/proxy.key');
    await pair.follows(t, 'Change keys / Proxy key');
    t.not(pair.read('/etc/secureproxy/proxy.key'), before);
    t.match(await pair.call(), pair.shown);
  },
};

/** Parts that move many rows, or all. */
export const dataParts: Readonly<Record<string, Part>> = {
  'backup and restore': async (t, pair) => {
    const { machine } = pair;
    await pair.follows(t, 'Backup');
    await pair.follows(t, 'Backup / By the tool');
    if (hasMysqlClient) await pair.emptyDatabase();
    await machine.run(machine.translate('rm -r /etc/keyserver/keyring'));
    const text = await pair.follows(t, 'Restore');
    t.match(text, /tokens +ok +2 rows\n/);
    if (hasMysqlClient) await pair.emptyDatabase();
    const restored = await pair.follows(t, 'Restore / From a backup of the tool');
    t.match(restored, /restored 2 tokens and \d+ documents/);
    t.match(restored, /tokens +ok +2 rows\n/);
  },
  'many tokens': async (t, pair) => {
    await pair.follows(t, 'Loading many tokens');
    const { machine } = pair;
    t.match(
      await machine.run('keyserver-admin token list'),
      /^shop-18 +trial .* 2099-01-31T00:00:00.000Z +yes\nshop-19 +trial .* - +yes\n/m,
    );
  },
};

/** Parts that restart services. */
export const restartingParts: Readonly<Record<string, Part>> = {
  'TLS on both, with a certificate of the proxy, and its renewal': async (t, pair) => {
    const { machine } = pair;
    await pair.followsDeployment(t, 'TLS');
    pair.scheme = 'https';
    await callUntilShown(t, pair);
    const refused = await machine.run(
      machine.translate(
        `curl --silent --cacert /srv/pair-ca/ca.crt https://localhost:${pair.keyserverPort}/healthz || echo refused`,
      ),
    );
    t.equal(refused, 'refused\n', 'KeyServer wants a certificate');
    await pair.follows(t, 'Change keys / Certificates');
  },
  'a new password of the database': async (t, pair) => {
    const before = pair.read('/etc/keyserver/db-password');
    await pair.follows(t, 'Change keys / Database password');
    t.not(pair.read('/etc/keyserver/db-password'), before);
  },
  'a new RSA key': async (t, pair) => {
    const text = await pair.follows(t, 'Change keys / RSA key');
    const [, id = ''] = /^([\w-]{43})$/m.exec(text) ?? [];
    t.match(text, `primary key id ${id}\n`, 'the id that the page works out is the one published');
    await callUntilShown(t, pair);
  },
  'a new at-rest key': async (t, pair) => {
    const { machine } = pair;
    const before = pair.read('/etc/keyserver/keyring/primary');
    const text = await pair.follows(t, 'Change keys / At-rest key');
    const after = pair.read('/etc/keyserver/keyring/primary');
    t.not(after, before);
    t.match(text, `${after} is the primary key now; confirmed by `);
    t.match(text, new RegExp(`^at-rest +${before} +no +1 of 1 +0 +0 +0$`, 'm'), 'nothing needs it');
    t.match(
      await machine.run('keyserver-admin token list'),
      new RegExp(`^shop-17 +trial +${after} `, 'm'),
    );
    t.match(
      await machine.run('keyserver-admin doctor'),
      /^no faults, \d checks found warnings: exit code 0$/m,
    );
    const retired = machine.run(`keyserver-admin keys retire ${before} --replicas 1 2>&1 || true`);
    t.match(await retired, /a session that the key sealed may be open until/);
    await callUntilShown(t, pair);
  },
  'one replica after the other, and a drain, seen by the probe': async (t, pair) => {
    await pair.follows(t, 'Restart / One replica after the other');
    await callUntilShown(t, pair);
    await pair.follows(t, 'Restart / Drain');
  },
};

/** Parts that end it. */
export const lastParts: Readonly<Record<string, Part>> = {
  'what the pages wrote is closed to others': async (t, { machine }) => {
    const open = await machine.run(
      'cd "$MACHINE" && find etc srv var usr home -type f -perm /077 | sort',
    );
    const isPublic = /\.crt$|^etc\/systemd\/|^home\/fleet\.yaml$/;
    t.same(
      open.split('\n').filter((path) => path !== '' && !isPublic.test(path)),
      [],
    );
  },
  'settings that cannot be used end it with code 78': async (t, { machine }) => {
    const settings = machine.translate('/etc/keyserver/settings');
    await machine.run(`echo PORT=none >> ${settings}
      kill "$(cat "$MACHINE/run/keyserver")"; wait "$(cat "$MACHINE/run/keyserver")"; begin_unit keyserver`);
    t.equal(
      await machine.run('wait "$(cat "$MACHINE/run/keyserver")" && echo 0 || echo $?'),
      '78\n',
    );
  },
};

/** Deploys a pair as docs/deployment.md says, and follows these parts of docs/operations.md. */
export async function followRunbook(
  t: Test,
  parts: Readonly<Record<string, Part>>,
  options: { readonly startsTool: boolean },
): Promise<void> {
  const pair = await deploySystemdPair(t, options);
  for (const [what, part] of Object.entries(parts)) {
    await t.test(what, { skip: lacks[what] ?? false }, (t) => part(t, pair));
  }
}

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isCallerKey } from '../../shared/crypto/caller-key.ts';
import { pollUntil } from '../support/poll-until.ts';
import { anythingAnswers, freePorts, type LocalPorts, runLocal } from './command.ts';

/** The tests follow one another on one state, since each RSA key takes a while. */
const folder = join(t.testdir(), 'state');
const proxyKey = join(folder, 'proxy.key');

/** Settings of another installation, which must not mix in. */
const foreign = {
  DB_HOST: 'database.invalid',
  DB_FILE: '/nowhere/other.db',
  KEYRING_DIR: '/nowhere/keyring',
  PROXY_KEY: 'spx_other',
  PUBLIC_KEY_URL: 'http://keyserver.invalid/public_key',
  HOST: '192.0.2.1',
  PORT: '1',
  TLS_CERT_FILE: '/nowhere/cert.pem',
  TLS_KEY_FILE: '/nowhere/key.pem',
};

/** Runs until both services are up. */
async function started(t: Test, ports: LocalPorts, others: Record<string, string> = {}) {
  const command = runLocal('start', ['--data', folder], { ...others, ...ports });
  t.teardown(() => command.child.kill('SIGTERM'));
  await command.said('Ctrl-C ends both.');
  return command;
}

/** Why a call without any app key is refused: `proxy_unknown` if the proxy's own key is not good. */
async function refusalOfNobody({ SECUREPROXY_PORT }: LocalPorts): Promise<unknown> {
  const call = { ClientId: 'shop-17', TokenType: 'none', ApiUri: 'https://api.example.com/' };
  const answer = await fetch(`http://127.0.0.1:${SECUREPROXY_PORT}/request_api`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(call),
  });
  const { reason } = (await answer.json()) as { reason?: unknown };
  return reason;
}

const readProxyKey = () => readFileSync(proxyKey, 'utf8').trim();

/** Starts, and sees that the proxy's key is good. */
async function startedWell(t: Test, others: Record<string, string> = {}) {
  const ports = await freePorts();
  const command = await started(t, ports, others);
  t.equal(await refusalOfNobody(ports), 'app_unknown', 'KeyServer knows the proxy');
  return { ...command, ports };
}

const keys = () => [...readdirSync(join(folder, 'keyring')), ...readdirSync(join(folder, 'rsa'))];
let first = '';
let made: string[] = [];

t.test('the first start makes keys, and SIGTERM ends both services', async (t) => {
  const { child, ended, ports } = await startedWell(t);
  first = readProxyKey();
  made = keys();
  t.ok(isCallerKey(first, 'spx_'));
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.equal(statSync(proxyKey).mode & 0o777, 0o600);
  t.equal(made.length, 4, 'a key and its primary mark in either folder');
  child.kill('SIGTERM');
  t.equal(await ended, 0);
  t.notOk(await anythingAnswers(ports));
});

t.test('a later one keeps them, and a service that ends takes the other with it', async (t) => {
  const { stdout, stderr, ended, ports } = await startedWell(t, foreign);
  t.equal(readProxyKey(), first, 'also beside settings of another installation');
  t.same(keys(), made);
  const ignored = /^Ignored +(.*) \(/m.exec(stdout())?.[1];
  t.equal(ignored, Object.keys(foreign).sort().join(', '), 'and names those, without their values');
  t.notMatch(stdout(), /nowhere|spx_other/);
  const pid = /^KeyServer .*\(process (\d+)\)/m.exec(stdout())?.[1];
  process.kill(Number(pid), 'SIGKILL');
  t.equal(await ended, 1);
  t.match(stderr(), 'KeyServer ended (signal SIGKILL); stopping the other service');
  t.notOk(await anythingAnswers(ports));
});

t.test('a lost proxy key is replaced, and no service outlives a killed parent', async (t) => {
  rmSync(proxyKey);
  const { child, ended, ports } = await startedWell(t);
  t.not(readProxyKey(), first);
  child.kill('SIGKILL');
  await ended;
  await pollUntil(
    'both services end',
    () => anythingAnswers(ports),
    (answers) => !answers,
  );
});

t.test('a proxy key that has ended is replaced', async (t) => {
  writeFileSync(proxyKey, `${first}\n`);
  const { child, ended } = await startedWell(t);
  t.not(readProxyKey(), first);
  child.kill('SIGTERM');
  t.equal(await ended, 0);
});

t.test('a lost keyring is not papered over by a new one', async (t) => {
  rmSync(join(folder, 'keyring'), { recursive: true });
  const command = runLocal('start', ['--data', folder], await freePorts());
  t.equal(await command.ended, 1);
  t.match(command.stderr(), /^npm start: .*has no keys, but the database has rows.*\n$/);
});

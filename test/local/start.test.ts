import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { isCallerKey } from '../../shared/crypto/caller-key.ts';
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
};

/** Runs until both services are up. */
async function started(t: Test, ports: LocalPorts, others: Record<string, string> = {}) {
  const command = runLocal('start', ['--data', folder], { ...others, ...ports });
  t.teardown(() => command.child.kill('SIGTERM'));
  await command.said('Ctrl-C ends both.');
  return command;
}

/** Why a call without any app key is refused: `proxy_unknown` where the proxy's own key is not good. */
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

/** Starts, sees that the proxy's key is good, and ends by SIGTERM. Resolves to the proxy's key. */
async function runOnce(t: Test, others: Record<string, string> = {}): Promise<string> {
  const ports = await freePorts();
  const command = await started(t, ports, others);
  t.equal(await refusalOfNobody(ports), 'app_unknown', 'KeyServer knows the proxy');
  command.child.kill('SIGTERM');
  t.equal(await command.ended, 0);
  t.notOk(await anythingAnswers(ports), 'SIGTERM ends both services');
  return readFileSync(proxyKey, 'utf8').trim();
}

t.test('the first start makes keys, and a later one keeps them', async (t) => {
  const first = await runOnce(t);
  t.ok(isCallerKey(first, 'spx_'));
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.equal(statSync(proxyKey).mode & 0o777, 0o600);
  const keys = () => [...readdirSync(join(folder, 'keyring')), ...readdirSync(join(folder, 'rsa'))];
  const made = keys();
  t.equal(made.length, 4, 'a key and its primary mark in either folder');
  t.equal(await runOnce(t, foreign), first, 'also beside settings of another installation');
  t.same(keys(), made);
});

t.test('a proxy key that is lost or has ended is replaced', async (t) => {
  const first = readFileSync(proxyKey, 'utf8').trim();
  rmSync(proxyKey);
  t.not(await runOnce(t), first);
  writeFileSync(proxyKey, `${first}\n`);
  t.not(await runOnce(t), first);
});

t.test('a service that ends takes the other with it', async (t) => {
  const ports = await freePorts();
  const command = await started(t, ports);
  const pid = /^KeyServer .*\(process (\d+)\)/m.exec(command.stdout())?.[1];
  process.kill(Number(pid), 'SIGKILL');
  t.equal(await command.ended, 1);
  t.match(command.stderr(), 'KeyServer ended (signal SIGKILL); stopping the other service');
  t.notOk(await anythingAnswers(ports));
});

t.test('the services do not outlive a parent that was killed', async (t) => {
  const ports = await freePorts();
  const command = await started(t, ports);
  command.child.kill('SIGKILL');
  await command.ended;
  // Where they stay, the test runs into its time limit.
  while (await anythingAnswers(ports)) await sleep(50);
  t.pass();
});

t.test('a lost keyring is not papered over by a new one', async (t) => {
  rmSync(join(folder, 'keyring'), { recursive: true });
  const command = runLocal('start', ['--data', folder], await freePorts());
  t.equal(await command.ended, 1);
  t.match(command.stderr(), /^npm start: .*has no keys, but the database has rows.*\n$/);
});

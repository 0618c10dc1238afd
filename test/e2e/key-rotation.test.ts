import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { generateKeyring, generateRsaKey } from '../../keyserver/keys/generate.ts';
import { loadKeyring } from '../../keyserver/keys/keyring.ts';
import { startCallers } from '../support/callers.ts';
import { startPair, type TestPair } from '../support/pair.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { resealAll } from '../support/reseal.ts';

const clients = ['shop-1', 'shop-2', 'shop-3', 'shop-4', 'shop-5', 'shop-6'];
const enoughCalls = 50;
/** New keys are named by the day: another one than that of the first keys. */
const laterDay = new Date('2031-02-03T04:05:06Z');

async function startUncachedPair(t: Test): Promise<TestPair> {
  return startPair(t, {
    upstream: await startPlainUpstream(t, showAuthorization),
    clients,
    // The time is for a start of KeyServer on a machine that is busy.
    secureproxy: { TOKEN_CACHE_SECONDS: '0', KEYSERVER_TIMEOUT_MS: '25000' },
  });
}

/** Copies the files of one key folder into another, all but `primary`. */
function addKeys(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('/primary') });
}

/** Makes folders that have new keys only. */
async function makeNewKeys({ folder }: TestPair) {
  const env = { KEYRING_DIR: join(folder, 'keyring-2'), RSA_KEY_DIR: join(folder, 'rsa-2') };
  generateKeyring(env.KEYRING_DIR, laterDay);
  await generateRsaKey(env.RSA_KEY_DIR, laterDay);
  return env;
}

/** Has callers call before, during and after a restart of KeyServer; resolves to what they got. */
async function callAcrossRestart(pair: TestPair, env: Record<string, string>) {
  const callers = startCallers(pair, clients);
  const succeeded = () => callers.statuses.get(200) ?? 0;
  const more = async () => {
    const goal = succeeded() + enoughCalls;
    await pollUntil('calls succeed', succeeded, (count) => count >= goal, 60_000);
  };
  await more();
  await pair.restartKeyserver({ env });
  await more();
  await callers.stop();
  return Object.fromEntries(callers.statuses);
}

t.test('a restart of KeyServer with other keys fails no call', async (t) => {
  t.test('and is healed by one refetch where the old keys are gone', async (t) => {
    const pair = await startUncachedPair(t);
    const env = await makeNewKeys(pair);
    // The one that runs opens both from now on, so that it does not stand in the way of the change.
    addKeys(env.KEYRING_DIR, pair.settings.KEYRING_DIR ?? '');
    await pair.restartKeyserver();
    await resealAll(pair.admin, loadKeyring(env.KEYRING_DIR));

    const statuses = await callAcrossRestart(pair, env);
    t.same(Object.keys(statuses), ['200'], JSON.stringify(statuses));
    t.equal(pair.secureproxy.output.linesWith({ 'error.type': 'session_invalid' }).length, 1);
    const fetched = pair.secureproxy.output.linesWith({ msg: 'public key fetched' });
    t.equal(fetched.length, 2);
    t.not(fetched[0]?.key_id, fetched[1]?.key_id);
  });

  t.test('and needs no healing where they stay beside new primaries', async (t) => {
    const pair = await startUncachedPair(t);
    const env = await makeNewKeys(pair);
    addKeys(pair.settings.KEYRING_DIR ?? '', env.KEYRING_DIR);
    addKeys(pair.settings.RSA_KEY_DIR ?? '', env.RSA_KEY_DIR);

    const statuses = await callAcrossRestart(pair, env);
    t.same(Object.keys(statuses), ['200'], JSON.stringify(statuses));
    t.equal(pair.secureproxy.output.linesWith({ 'error.type': 'session_invalid' }).length, 0);
    t.equal(pair.secureproxy.output.linesWith({ msg: 'public key fetched' }).length, 1);
  });
});

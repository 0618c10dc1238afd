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
/** New keys are named by the day: other ones than that of the first keys. */
const laterDays = [new Date('2031-02-03T04:05:06Z'), new Date('2032-02-03T04:05:06Z')] as const;

async function startUncachedPair(t: Test): Promise<TestPair> {
  return startPair(t, {
    upstream: await startPlainUpstream(t, showAuthorization),
    clients,
    // The time is for a start of KeyServer on a machine that is busy.
    secureproxy: { TOKEN_CACHE_SECONDS: '0' },
  });
}

/** Copies the files of one key folder into another, all but `primary`. */
function addKeys(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('/primary') });
}

/** Makes folders that have new keys only. */
async function makeNewKeys({ folder }: TestPair, day: Date) {
  const env = {
    KEYRING_DIR: join(folder, `keyring-${day.getTime()}`),
    RSA_KEY_DIR: join(folder, `rsa-${day.getTime()}`),
  };
  generateKeyring(env.KEYRING_DIR, day);
  await generateRsaKey(env.RSA_KEY_DIR, day);
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
  const pair = await startUncachedPair(t);
  const invalid = () => pair.secureproxy.output.linesWith({ 'error.type': 'session_invalid' });
  const fetched = () => pair.secureproxy.output.linesWith({ msg: 'public key fetched' });
  const both = await makeNewKeys(pair, laterDays[0]);

  await t.test('and needs no healing where they stay beside new primaries', async (t) => {
    addKeys(pair.settings.KEYRING_DIR ?? '', both.KEYRING_DIR);
    addKeys(pair.settings.RSA_KEY_DIR ?? '', both.RSA_KEY_DIR);

    const statuses = await callAcrossRestart(pair, both);
    t.same(Object.keys(statuses), ['200'], JSON.stringify(statuses));
    t.equal(invalid().length, 0);
    t.equal(fetched().length, 1);
  });

  await t.test('and is healed by one refetch where the old keys are gone', async (t) => {
    const env = await makeNewKeys(pair, laterDays[1]);
    // The one that runs opens both from now on, so that it does not stand in the way of the change.
    addKeys(env.KEYRING_DIR, both.KEYRING_DIR);
    await pair.restartKeyserver();
    await resealAll(
      { ...pair.admin, keyring: loadKeyring(both.KEYRING_DIR) },
      loadKeyring(env.KEYRING_DIR),
    );

    const statuses = await callAcrossRestart(pair, env);
    t.same(Object.keys(statuses), ['200'], JSON.stringify(statuses));
    t.equal(invalid().length, 1);
    t.equal(fetched().length, 2);
    t.not(fetched()[0]?.key_id, fetched()[1]?.key_id);
  });
});

import { join } from 'node:path';
import t from 'tap';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { hasDailyTurn, withDailyTurn } from '../../../keyserver/expiry/daily-turn.ts';
import { ExpiringTokens } from '../../../keyserver/expiry/expiring-tokens.ts';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import { testClock } from '../../support/clock.ts';
import { writeKeyring } from '../../support/key-folders.ts';
import { capturedLog } from '../../support/log.ts';
import { until } from '../../support/until.ts';

const dayMs = 86_400_000;

t.test('tells once a day how many tokens expire, and which is next', async (t) => {
  const folder = t.testdir();
  writeKeyring(join(folder, 'keyring'));
  const keyring = loadKeyring(join(folder, 'keyring'));
  const file = join(folder, 'rows.db');
  const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: 5000 });
  const clock = testClock();
  const put = async (clientId: string, inMs?: number) => {
    const expiresAt = inMs === undefined ? undefined : new Date(clock.now() + inMs).toISOString();
    const secret = { fields: { token: 'not in the log' }, ...(expiresAt && { expiresAt }) };
    await store.putToken(sealSecret(keyring, { clientId, tokenType: 'ozon' }, secret));
    return expiresAt;
  };
  const { logger, lines, text } = capturedLog('keyserver');
  let turns = 0;
  const pauses: number[] = [];
  let wake = () => {};
  const watch = new ExpiringTokens({
    ...{ store, keyring, clock, log: logger },
    hasTurn: async () => {
      turns += 1;
      // Asked once for the look that fails and its repetition: another process has the next one.
      return turns !== 2;
    },
    sleep: async (ms) => {
      pauses.push(ms);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    },
  });
  t.teardown(() => store.close());
  const pause = async () => {
    const before = pauses.length;
    wake();
    await until(() => pauses.length > before);
  };
  watch.start();
  await until(() => pauses.length === 1);
  await pause();
  t.match(lines(), [
    { msg: 'expiry of tokens not judged', level: 'warn', err: { type: 'StoreError' } },
  ]);
  await store.migrate();
  await put('never');
  await put('ended', -1);
  await put('ends-now', 0);
  const next = await put('next', 1);
  await put('in-1-day', dayMs);
  await put('in-7-days', dayMs + 1);
  await put('in-30-days', 7 * dayMs + 1);
  await put('later', 30 * dayMs + 1);
  await store.putToken({ clientId: 'broken', tokenType: 'ozon', token: 'skt1.k.AAAA' });
  await pause();
  t.same(pauses.slice(0, 3), [60_000, 3_600_000, 86_400_000]);
  const told = {
    ...{ expired: 2, within_1_day: 2, within_7_days: 1, within_30_days: 1 },
    ...{ client: 'next', token_type: 'ozon', expires_at: next },
  };
  t.equal(lines().length, 2);
  t.match(lines()[1], { level: 'warn', msg: 'tokens expire', ...told });
  await pause();
  t.equal(lines().length, 2, 'another process has the turn');
  clock.advance(-40 * dayMs);
  await pause();
  t.equal(lines().length, 2, 'nothing expires soon');
  t.notMatch(text(), 'not in the log');
  const ended = watch.stop();
  wake();
  await ended;
  // The pauses that the page promises.
  t.same(
    [60_000, 86_400_000, 3_600_000].filter((ms) => !pauses.includes(ms)),
    [],
  );
});

t.test('one worker has the turn each day, and a process alone always', async (t) => {
  const clock = testClock();
  const answer = withDailyTurn((asked) => `other: ${asked}`, clock);
  const primary = { ask: async (question: unknown) => answer(question) };
  const ask = () => Promise.all([hasDailyTurn(primary), hasDailyTurn(primary)]);
  t.same(await ask(), [true, false]);
  clock.advance(23 * 3_600_000 - 1);
  t.same(await ask(), [false, false]);
  clock.advance(1);
  t.same(await ask(), [true, false]);
  t.equal(await primary.ask('else'), 'other: else');
  t.equal(await hasDailyTurn(undefined), true);
});

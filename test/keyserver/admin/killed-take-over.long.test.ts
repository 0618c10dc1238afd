import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startEarlierCaller } from '../../support/earlier-system.ts';
import { rsaPem, writeKeyFolder } from '../../support/key-folders.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../../support/plain-upstream.ts';
import { runProcess } from '../../support/service-run.ts';
import { type EarlierTable, earlierTable } from './earlier-table.ts';
import { killTakeOvers, startTakeOver } from './killed-take-over.ts';

t.setTimeout(1_800_000);

const rows = 20_000;
const kills = 10;
const calledClients = 500;

/** Starts both services over the table; resolves to a caller without a key that calls all the time. */
async function startCalls(t: Test, table: EarlierTable, upstream: string) {
  const { admin, environment, made } = table;
  const rsa = writeKeyFolder(join(admin.folder, 'rsa'), { 'first.pem': rsaPem() });
  const keyserver = await runProcess(t, 'keyserver', {
    ...{ ...environment, RSA_KEY_DIR: rsa, UNSAFE_LEGACY_ROWS: '1' },
    DB_TIMEOUT_MS: '10000',
  });
  for (const argv of [
    ['app', 'create', 'anonymous'],
    ['grant', 'add', 'anonymous', '--client', '*', '--type', 'wildberries'],
    ['proxy', 'create', 'dc-1', '--out', 'proxy.key'],
  ]) {
    await admin.json(argv, { environment });
  }
  const secureproxy = await runProcess(t, 'secureproxy', {
    PUBLIC_KEY_URL: `${keyserver.origin}/public_key`,
    TOKEN_REQUEST_URL: `${keyserver.origin}/`,
    PROXY_KEY_FILE: join(admin.folder, 'proxy.key'),
    KEYSERVER_TIMEOUT_MS: '30000',
  });
  const step = Math.floor(made.size / calledClients);
  const calls = [...made]
    .filter((_, i) => i % step === 0)
    .map(([ClientId, { secret }]) => ({
      call: { ClientId, TokenType: 'wildberries', ApiUri: `${upstream}/v1` },
      answer: JSON.stringify(showOf(`Bearer ${secret}`)),
    }));
  const caller = startEarlierCaller(secureproxy.origin, calls);
  t.teardown(() => caller.stop());
  return caller;
}

for (const clientType of ['VARCHAR(100)', 'BIGINT']) {
  t.test(
    `${rows} rows with ${clientType} clients, ${kills} kills, a second run and calls`,
    async (t) => {
      const upstream = await startPlainUpstream(t, showAuthorization);
      const destination = `--destination ${upstream} --unsafe-plaintext --unsafe-allow-private 127.0.0.0/8`;
      const typePut = ['type', 'put', 'wildberries', ...destination.split(' ')];
      const table = await earlierTable(t, { place: 'mysql', rows, clientType, typePut });
      const caller = await startCalls(t, table, upstream);
      const second: ReturnType<typeof startTakeOver>[] = [];
      const killed = await killTakeOvers(t, table, kills, (kill) => {
        if (kill === kills - 2) second.push(startTakeOver(table));
      });
      const began = performance.now();
      const ended = await Promise.all([...second, startTakeOver(table)].map((run) => run.ended));
      for (const { code, stderr, result } of ended) {
        t.equal(code, 0, stderr);
        t.match(result, { unsettled: 0, left: [] });
      }
      t.equal(await table.compareAll(), rows, 'every token is intact');
      const { calls, failures } = await caller.stop();
      t.same(failures, []);
      t.ok(calls > calledClients, `${calls} calls`);
      t.ok(killed > kills / 2, `${killed} runs were killed at work`);
      t.comment(
        `the rest after the kills: ${Math.round(performance.now() - began)} ms, ${calls} calls`,
      );
    },
  );
}

import { chmodSync } from 'node:fs';
import t from 'tap';
import { startPair } from '../support/pair.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import {
  answeredBy,
  callNext,
  isGone,
  openToOthers,
  pidsOf,
  two,
  workersOf,
} from '../support/workers.ts';

t.setTimeout(240_000);

// One pair, since each process takes a while to start; the last part ends it.
t.test('workers that end', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, { upstream, keyserver: two, secureproxy: two });

  await t.test('a worker that is killed is replaced, and calls go on', async (t) => {
    for (const service of [pair.keyserver, pair.secureproxy]) {
      const [killed = 0] = await workersOf(service);
      process.kill(killed, 'SIGKILL');
      await pollUntil('it is gone', () => isGone(killed), Boolean);
      for (let i = 0; i < 4; i += 1) t.same(await callNext(pair), [200, undefined]);
      await workersOf(service, 3);
      const [line] = service.output.linesWith({ msg: 'worker ended: replaced' });
      t.match(line, {
        level: 'error',
        'process.pid': service.process.pid,
        worker: killed,
        exit: 'SIGKILL',
        pause_ms: 100,
      });
    }
    const isCall = { 'url.template': '/request_api', 'http.response.status_code': 200 };
    const [, , replacement] = pidsOf(pair.secureproxy);
    await pollUntil(
      'the replacement takes calls',
      async () => {
        await Promise.all([callNext(pair), callNext(pair), callNext(pair)]);
        return answeredBy(pair.secureproxy, isCall);
      },
      (pids) => pids.has(replacement),
    );
  });

  await t.test(
    'a replacement that cannot start ends the others only once none serves',
    async (t) => {
      const { keyserver } = pair;
      const before = pidsOf(keyserver);
      const [first = 0, second = 0] = before.filter((pid) => !isGone(pid));
      const key = openToOthers(pair.settings);
      process.kill(first, 'SIGKILL');
      const failed = () => keyserver.output.linesWith({ msg: 'worker ended: replaced', exit: 78 });
      await pollUntil('it fails', failed, ({ length }) => length > 0);
      t.equal(await keyserver.readyStatus(), 200);
      chmodSync(key, 0o600);
      const [replacement = 0] = (await workersOf(keyserver, before.length + 1)).slice(-1);
      openToOthers(pair.settings);
      process.kill(second, 'SIGKILL');
      process.kill(replacement, 'SIGKILL');
      t.equal(await keyserver.process.exited, 'code 78');
    },
  );
});

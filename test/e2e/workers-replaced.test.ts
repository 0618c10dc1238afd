import { chmodSync } from 'node:fs';
import t from 'tap';
import { runKeyserver, startPair } from '../support/pair.ts';
import { makeState } from '../support/pair-state.ts';
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

t.test('a worker that is killed is replaced, and calls go on', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, { upstream, keyserver: two, secureproxy: two });
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

t.test('a replacement that cannot start ends the others only once none serves', async (t) => {
  const state = await makeState(t);
  const keyserver = await runKeyserver(t, state, two);
  const [first = 0, second = 0] = await workersOf(keyserver);
  const key = openToOthers(state.settings);
  process.kill(first, 'SIGKILL');
  const failed = () => keyserver.output.linesWith({ msg: 'worker ended: replaced', exit: 78 });
  await pollUntil('it fails', failed, ({ length }) => length > 0);
  t.equal(await keyserver.readyStatus(), 200);
  chmodSync(key, 0o600);
  await workersOf(keyserver, 3);
  openToOthers(state.settings);
  process.kill(second, 'SIGKILL');
  process.kill(pidsOf(keyserver)[2] ?? 0, 'SIGKILL');
  t.equal(await keyserver.process.exited, 'code 78');
});

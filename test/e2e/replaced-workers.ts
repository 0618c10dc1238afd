import { chmodSync } from 'node:fs';
import type { Test } from 'tap';
import type { TestPair } from '../support/pair.ts';
import { pollUntil } from '../support/poll-until.ts';
import {
  answeredBy,
  callNext,
  isGone,
  openToOthers,
  pidsOf,
  workersOf,
} from '../support/workers.ts';

/** Kills a worker of each service of a pair with two workers each: it is replaced, and calls go on. */
export async function killOneWorkerEach(t: Test, pair: TestPair): Promise<void> {
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
}

/** Ends all workers of the pair's KeyServer, whose replacements cannot start: it ends once none serves. */
export async function failReplacements(t: Test, { keyserver, settings }: TestPair): Promise<void> {
  const before = pidsOf(keyserver);
  const [first = 0, second = 0] = before.filter((pid) => !isGone(pid));
  const key = openToOthers(settings);
  process.kill(first, 'SIGKILL');
  const failed = () => keyserver.output.linesWith({ msg: 'worker ended: replaced', exit: 78 });
  await pollUntil('it fails', failed, ({ length }) => length > 0);
  t.equal(await keyserver.readyStatus(), 200);
  chmodSync(key, 0o600);
  const [replacement = 0] = (await workersOf(keyserver, before.length + 1)).slice(-1);
  openToOthers(settings);
  process.kill(second, 'SIGKILL');
  process.kill(replacement, 'SIGKILL');
  t.equal(await keyserver.process.exited, 'code 78');
}

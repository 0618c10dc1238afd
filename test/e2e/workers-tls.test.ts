import { join } from 'node:path';
import t from 'tap';
import { createAuthority } from '../support/certificates.ts';
import { callHttps } from '../support/https-call.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { makeState } from '../support/pair-state.ts';
import { pollUntil } from '../support/poll-until.ts';
import { runMain } from '../support/service-process.ts';

t.test('each worker takes over a new certificate', async (t) => {
  const authority = await createAuthority();
  const { ca } = authority;
  const state = await makeState(t);
  const tls = join(state.folder, 'tls');
  const files = writeIdentity(tls, await authority.issue());
  const main = runMain(t, 'keyserver/main.ts', {
    ...state.settings,
    PORT: '0',
    WORKERS: '2',
    TLS_CERT_FILE: files.cert,
    TLS_KEY_FILE: files.key,
  });
  const pidsThatSaid = (words: string) => () =>
    new Set(
      main
        .lines()
        .flatMap((line) => (String(line.msg).startsWith(words) ? [line['process.pid']] : [])),
    );
  const areTwo = ({ size }: ReadonlySet<unknown>) => size === 2;
  await pollUntil('both listen', pidsThatSaid('Server listening at'), areTwo);
  const url = (await main.listening()).replace('127.0.0.1', 'localhost');
  const serials = async () => {
    const calls = Array.from({ length: 16 }, () => callHttps(`${url}/healthz`, { ca }));
    return new Set((await Promise.all(calls)).map(({ serial }) => serial));
  };
  const before = await serials();
  t.equal(before.size, 1);
  writeIdentity(tls, await authority.issue());
  await pollUntil('both have it', pidsThatSaid('TLS files changed: loaded'), areTwo);
  const after = await serials();
  t.equal(after.size, 1);
  t.notSame(after, before);
});

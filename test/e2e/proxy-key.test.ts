import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createProxy, rotateCaller } from '../../keyserver/operations/callers.ts';
import { deleteDocument } from '../support/delete-document.ts';
import { readiness } from '../support/listening.ts';
import { outcome, startPair } from '../support/pair.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';

t.test('a new key in PROXY_KEY_FILE is used without a restart', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  let file = '';
  const pair = await startPair(t, {
    upstream,
    prepare: async ({ folder }) => {
      file = join(folder, 'proxy.key');
    },
  });
  writeFileSync(file, pair.proxyKey, { mode: 0o600 });
  const { secureproxy, keyserver } = pair;
  await secureproxy.restart({ PROXY_KEY: '', PROXY_KEY_FILE: file });
  t.same(await outcome(pair.call()), [200, undefined]);

  await t.test('within its overlap, and KeyServer says that the old one is used', async (t) => {
    const key = await rotateCaller(pair.admin, 'proxy', 'proxy-1', { overlapSeconds: 3600 });
    const oldKeys = () => keyserver.output.linesWith({ msg: 'old key used' });
    await pollUntil('KeyServer says so', oldKeys, ({ length }) => length > 0);
    t.match(oldKeys(), [{ proxy: 'proxy-1', expires_at: /^\d{4}-/ }]);
    writeFileSync(file, key);
    await pollUntil(
      'it is loaded',
      () => secureproxy.output.linesWith({ msg: 'PROXY_KEY_FILE changed: loaded' }),
      ({ length }) => length > 0,
    );
    t.same(await outcome(pair.call()), [200, undefined]);
    t.equal(secureproxy.output.linesWith({ msg: 'not ready: calls fail' }).length, 0);
  });

  await t.test(
    'after it was revoked: unready, says why, and is ready with a new one',
    async (t) => {
      await deleteDocument(pair.admin, 'proxy', 'proxy-1');
      const unready = await pollUntil(
        'unready',
        () => readiness(secureproxy.origin),
        ({ status }) => status === 503,
      );
      t.same(unready.body, {
        status: 'unready',
        checks: { keyserver: 'proxy_unknown' },
        detail: 'KeyServer does not know this proxy: check PROXY_KEY.',
      });
      t.same(await outcome(pair.call()), [503, 'keyserver_unavailable']);
      writeFileSync(file, await createProxy(pair.admin, 'proxy-2'));
      await pollUntil(
        'ready',
        () => readiness(secureproxy.origin),
        ({ status }) => status === 200,
      );
      t.same(await outcome(pair.call()), [200, undefined]);
    },
  );
});

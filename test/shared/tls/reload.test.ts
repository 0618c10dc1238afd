import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import type { TlsFiles, TlsMaterial } from '../../../shared/tls/files.ts';
import { ReloadedTls } from '../../../shared/tls/reload.ts';
import { createAuthority } from '../../support/certificates.ts';
import { mountIdentity, writeIdentity } from '../../support/identity-files.ts';
import { capturedLog } from '../../support/log.ts';
import { stillTimers } from '../../support/timers.ts';

const authority = await createAuthority();
const [first, second] = [await authority.issue(), await authority.issue()];

function setUp(files: TlsFiles) {
  const log = capturedLog('test');
  const tls = new ReloadedTls(files, log.logger);
  const used: TlsMaterial[] = [];
  tls.use((material) => used.push(material));
  const said = (level: string) => log.lines().filter((line) => line.level === level);
  return { tls, used, said };
}

t.test('takes over a new pair once, and says when it ends', async (t) => {
  const files = writeIdentity(t.testdir({}), first, authority.ca);
  const { tls, used, said } = setUp(files);
  t.same(used, [{ ...first, ca: authority.ca }]);
  tls.poll();
  t.equal(used.length, 1, 'nothing has changed');
  writeIdentity(t.testdirName, second, authority.ca);
  tls.poll();
  tls.poll();
  t.same(used.slice(1), [{ ...second, ca: authority.ca }]);
  t.same(tls.current, { ...second, ca: authority.ca });
  t.match(said('info'), [{ msg: 'TLS files changed: loaded', expires_at: /^\d{4}-/ }]);
  t.equal(said('info').length, 1);
});

t.test('sees the swapped links of a Kubernetes secret', async (t) => {
  const folder = t.testdir({});
  const files = mountIdentity(folder, '..v1', first, authority.ca);
  const { tls, used } = setUp(files);
  mountIdentity(folder, '..v2', second, authority.ca);
  tls.poll();
  t.same(used.slice(1), [{ ...second, ca: authority.ca }]);
});

t.test('takes over another CA alone', async (t) => {
  const files = writeIdentity(t.testdir({}), first, authority.ca);
  const { tls, used } = setUp(files);
  const { ca } = await createAuthority();
  writeFileSync(files.ca, ca);
  tls.poll();
  t.same(used.slice(1), [{ ...first, ca }]);
});

t.test('a pair that is being replaced is never used by halves, and no fault', async (t) => {
  const files = writeIdentity(t.testdir({}), first, authority.ca);
  const { tls, used, said } = setUp(files);
  writeFileSync(files.cert, second.cert);
  tls.poll();
  t.equal(used.length, 1);
  writeFileSync(files.key, second.key);
  tls.poll();
  t.same(used.slice(1), [{ ...second, ca: authority.ca }]);
  t.same(said('error'), []);
});

t.test('what stays wrong is said once, the old stays, and a mend is taken over', async (t) => {
  const files = writeIdentity(t.testdir({}), first, authority.ca);
  const spoil: [what: string, spoil: () => void][] = [
    ['a mismatch', () => writeFileSync(files.cert, second.cert)],
    ['no file', () => rmSync(files.key)],
    ['no PEM', () => writeFileSync(files.cert, 'nonsense')],
    ['an empty CA', () => writeFileSync(files.ca, '')],
    ['a key for all', () => chmodSync(files.key, 0o644)],
  ];
  for (const [what, change] of spoil) {
    rmSync(files.key, { force: true });
    writeIdentity(t.testdirName, first, authority.ca);
    const { tls, used, said } = setUp(files);
    change();
    for (let i = 0; i < 5; i++) tls.poll();
    t.equal(used.length, 1, what);
    t.same(tls.current, { ...first, ca: authority.ca });
    t.match(said('error'), [{ fault: String }], what);
    t.equal(said('error').length, 1, what);
    t.notMatch(JSON.stringify(said('error')), 'BEGIN');

    rmSync(files.key, { force: true });
    writeIdentity(t.testdirName, first, authority.ca);
    tls.poll();
    tls.poll();
    t.match(said('info'), [{ msg: 'TLS files are as before again' }], what);
    t.equal(said('info').length, 1);
    writeIdentity(t.testdirName, second, authority.ca);
    tls.poll();
    t.equal(used.length, 2, what);
  }
});

t.test('the files are looked at every two seconds', async (t) => {
  const files = writeIdentity(t.testdir({}), first, authority.ca);
  const { tls, used } = setUp(files);
  const turnOn = await stillTimers(t);
  tls.start();
  t.teardown(() => tls.stop());
  writeIdentity(t.testdirName, second, authority.ca);
  await turnOn(1_999);
  t.equal(used.length, 1);
  await turnOn(1);
  t.equal(used.length, 2);
});

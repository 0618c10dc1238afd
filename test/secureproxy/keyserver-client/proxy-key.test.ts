import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { reloadedProxyKey } from '../../../secureproxy/keyserver-client/proxy-key.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { capturedLog } from '../../support/log.ts';

const [first, second] = [makeCallerKey('spx_'), makeCallerKey('spx_')];

t.test('a new key in the file is taken over, half of one and another kind are not', async (t) => {
  const file = join(t.testdir({}), 'proxy.key');
  writeFileSync(file, `${first}\n`);
  const log = capturedLog('secureproxy');
  const key = reloadedProxyKey(file, log.logger);
  const seen: string[] = [];
  key.use((text) => seen.push(text));
  for (const broken of [second.slice(0, 20), '', makeCallerKey('spk_'), `${second}x`]) {
    writeFileSync(file, broken);
    for (let i = 0; i < 3; i++) key.poll();
    t.equal(key.current, first, 'the key loaded before stays');
  }
  writeFileSync(file, second);
  for (let i = 0; i < 2; i++) key.poll();
  t.same(seen, [first, second]);
  t.same(
    log.lines().map(({ level, msg }) => `${level} ${msg}`),
    [
      // The empty file and the app key have one fault.
      ...Array(3).fill('error PROXY_KEY_FILE cannot be used: the key loaded before stays'),
      'info PROXY_KEY_FILE changed: loaded',
    ],
  );
  t.notOk(log.text().includes(second.slice(0, 20)), 'no key is logged, nor a part of one');
  t.throws(() => reloadedProxyKey(join(t.testdirName, 'none'), log.logger), {
    message: /PROXY_KEY_FILE: cannot read .*none \(ENOENT\)$/,
  });
});

t.test('sees the swapped links of a Kubernetes secret', async (t) => {
  const folder = t.testdir({});
  const mount = (version: string, key: string) => {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'proxy.key'), key);
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  mount('..v1', first);
  symlinkSync('..data/proxy.key', join(folder, 'proxy.key'));
  const key = reloadedProxyKey(join(folder, 'proxy.key'), capturedLog('secureproxy').logger);
  mount('..v2', second);
  key.poll();
  t.equal(key.current, second);
});

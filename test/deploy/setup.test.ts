import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { callerKeyHash, keyFingerprint } from '../../shared/crypto/caller-key.ts';
import { install } from '../keyserver/admin/installation.ts';

const root = resolve(import.meta.dirname, '../..');

t.test('the first steps give the proxy a key, though a run that was killed lost one', async (t) => {
  const admin = await install(t);
  const at = (name: string) => join(admin.folder, name);
  for (const name of ['bin', 'proxy', 'marketplace']) mkdirSync(at(name));
  for (const name of ['ozon', 'wildberries']) writeFileSync(at(`marketplace/${name}.json`), '{}');
  // Types and tokens need no test here, and each start of the tool takes its time.
  const tool = `#!/bin/sh
[ ! -e killed ] || [ "$1" != doctor ] || exec kill -9 $PPID
[ "$1" != doctor ] || echo 'rsa keys ok primary key id abc'
[ "$1" = proxy ] || exit 0
exec '${process.execPath}' '${root}/keyserver/admin/main.ts' "$@"
`;
  writeFileSync(at('bin/keyserver-admin'), tool, { mode: 0o700 });
  const script = readFileSync(join(root, 'deploy/setup.sh'), 'utf8')
    .replaceAll('/proxy/', `${at('proxy')}/`)
    .replaceAll('/marketplace/', `${at('marketplace')}/`);
  const run = () =>
    execFileSync('sh', ['-c', script], {
      cwd: admin.folder,
      env: {
        ...process.env,
        ...admin.environment,
        PATH: `${at('bin')}:${process.env.PATH}`,
        MARKETPLACE_SUBNET: '172.16.0.0/12',
      },
      stdio: 'pipe',
    });
  const key = () => readFileSync(at('proxy/proxy.key'), 'utf8').trim();

  await admin.json(['proxy', 'create', 'compose', '--out', at('proxy/proxy.key.new')]);
  run();
  t.equal(statSync(at('proxy/proxy.key')).mode & 0o777, 0o640);
  const made = key();
  run();
  t.equal(key(), made, 'it makes nothing twice');
  const pins = () => readFileSync(at('proxy/pins'), 'utf8');
  t.equal(pins(), 'abc\n');
  writeFileSync(at('killed'), '');
  t.throws(run);
  t.equal(pins(), 'abc\n', 'SecureProxy could start again');
  t.match(await admin.json(['proxy', 'list']), [
    {
      id: 'compose',
      keys: [{ fingerprint: keyFingerprint(callerKeyHash(made)), expiresAt: null }],
    },
  ]);
});

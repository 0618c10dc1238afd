import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { runTool, toolFolder } from './tool-process.ts';

const root = resolve(import.meta.dirname, '../../..');

t.test('a preset that is damaged stops nobody who does not use it', async (t) => {
  const folder = toolFolder(t);
  const copy = join(folder, 'installed');
  for (const name of ['keyserver', 'shared', 'package.json']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const id of ['ozon-seller', 'wildberries']) {
    writeFileSync(join(copy, `keyserver/presets/${id}.json`), '{');
  }
  const run = (args: string, stdin = '') =>
    runTool(folder, args.split(' '), {
      stdin,
      program: join(copy, 'keyserver/admin/launcher.cjs'),
    });
  await run('migrate');
  const yandex = 'https://api.partner.market.yandex.ru';
  t.match(await run(`type put x --destination ${yandex}`), { code: 0 });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = `${part({ alg: 'x' })}.${part({ s: 2, sid: 'a', acc: 1 })}.c2ln`;
  t.match(await run('token put --client shop-1 --type x', jwt), { code: 0 });
  const other = await run('token put --client shop-2 --type x', 'APP_USR-0f1e2d3c4b5a69788796a5b4');
  t.match(other, { code: 0, stderr: /looks like a secret of Mercado Libre/ });
  t.match(await run('type put y --preset ozon-seller'), {
    code: 1,
    stderr: /the preset ozon-seller was changed or is damaged: is not JSON\n.*install this version/,
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { runToEnd } from '../../support/run-to-end.ts';
import { launcher } from './tool-process.ts';

const { version } = process;

t.test('runs under its name alone, from any folder', async (t) => {
  const folder = t.testdir({});
  symlinkSync(launcher, join(folder, 'keyserver-admin'));
  const PATH = `${folder}:${dirname(process.execPath)}:/usr/bin:/bin`;
  const output = execFileSync('keyserver-admin', ['--version'], { cwd: '/', env: { PATH } });
  t.match(String(output), /^keyserver-admin \d/);
});

/** Makes a Node as those of older systems: 12 and 10 know no module by a name with `node:`. */
const old = `Object.defineProperty(process.versions, 'node', { value: '12.22.9' });
const Module = require('module');
const load = Module._load;
Module._load = (name, ...rest) => {
  if (name.startsWith('node:')) throw new Error('Cannot find module ' + name);
  return load(name, ...rest);
};`;

/** A copy of the launcher, run by an old Node. */
function runOld(folder: string, argv: readonly string[]) {
  const preload = join(folder, 'old.cjs');
  writeFileSync(preload, old);
  const copy = join(folder, 'keyserver/admin/launcher.cjs');
  copyFileSync(launcher, copy);
  return spawnSync(process.execPath, ['--require', preload, copy, ...argv], { encoding: 'utf8' });
}

t.test('an older Node hands over to the one that npm installed', async (t) => {
  const bin = { node: t.fixture('symlink', 'script') };
  const folder = t.testdir({ keyserver: { admin: {} }, node_modules: { '.bin': bin } });
  const script = '#!/bin/sh\nshift; printf "%s|" "$@"; exit 4\n';
  writeFileSync(join(folder, 'node_modules/.bin/script'), script, { mode: 0o755 });
  const { status, stdout } = runOld(folder, ['app', 'show', 'a b']);
  t.same({ status, stdout }, { status: 4, stdout: 'app|show|a b|' });
});

t.test(
  'it ends as that one does, by a signal too, and says if that one does not run',
  async (t) => {
    const folder = t.testdir({ keyserver: { admin: {} }, node_modules: { '.bin': {} } });
    const bundled = join(folder, 'node_modules/.bin/node');
    writeFileSync(bundled, '#!/bin/sh\nkill -TERM $$\n', { mode: 0o755 });
    t.match(runOld(folder, ['app', 'list']), { status: null, signal: 'SIGTERM', stderr: '' });
    // As a program of another C library does.
    writeFileSync(bundled, '#!/no/such/loader\n');
    const { status, stderr } = runOld(folder, ['app', 'list']);
    t.equal(status, 3);
    t.match(stderr, `${version}; ${bundled} does not run (ENOENT)\n  put a newer Node first`);
  },
);

t.test('without one it says what is missing', async (t) => {
  const folder = t.testdir({ keyserver: { admin: {} } });
  const { status, stdout, stderr } = runOld(folder, ['app', 'list']);
  t.same({ status, stdout }, { status: 3, stdout: '' });
  t.equal(
    stderr,
    `error: keyserver-admin needs Node 24 or later, and ${process.execPath} is ${version}\n` +
      `  put a newer Node first on the PATH, or run npm ci in ${folder}, which brings one along on Linux\n`,
  );
});

t.test('help loads no database, no schemas and no other command', async (t) => {
  const { output } = await runToEnd('keyserver/admin/launcher.cjs', ['--help'], {
    environment: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
    folder: dirname(dirname(dirname(launcher))),
  });
  t.match(output, 'keyserver/admin/program.ts');
  t.notMatch(
    output,
    /(?:typebox|ajv|mariadb|pino)\/|admin\/commands\/|keyserver\/(?:store|storage)\//,
  );
});

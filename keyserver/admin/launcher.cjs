#!/usr/bin/env node
// Plain JavaScript: an old Node can say what is missing, and a new one need not load its compiler of TypeScript
// for the first file, since the cache of compiled code is on by then.
const { existsSync, realpathSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '../..');
const [major] = process.versions.node.split('.');

if (Number(major) >= 24) {
  // The folder of shared/process/compile-cache.ts.
  require('node:module').enableCompileCache(join(root, 'node_modules/.cache/node-compile'));
  import('./main.ts');
} else {
  const bundled = join(root, 'node_modules/.bin/node');
  if (existsSync(bundled) && realpathSync(bundled) !== realpathSync(process.execPath)) {
    const argv = [__filename].concat(process.argv.slice(2));
    const { status } = require('node:child_process').spawnSync(bundled, argv, { stdio: 'inherit' });
    process.exitCode = status === null ? 70 : status;
  } else {
    process.stderr.write(
      `error: keyserver-admin needs Node 24 or later, and ${process.execPath} is ${process.version}\n` +
        '  put a newer Node first on the PATH, or run npm ci in ' +
        `${root}, which brings one along on Linux\n`,
    );
    process.exitCode = 3;
  }
}

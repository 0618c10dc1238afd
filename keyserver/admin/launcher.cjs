#!/usr/bin/env node
// Plain JavaScript: an old Node can say what is missing, and a new one need not load its compiler of TypeScript
// for the first file, since the cache of compiled code is on by then.
// biome-ignore-all lint/style/useNodejsImportProtocol: Node 10 and 12, which systems still have, know no `node:fs`
const { existsSync, realpathSync } = require('fs');
const { join } = require('path');

const root = join(__dirname, '../..');
const [major] = process.versions.node.split('.');

if (Number(major) >= 24) {
  // The folder of shared/process/compile-cache.ts.
  require('node:module').enableCompileCache(join(root, 'node_modules/.cache/node-compile'));
  import('./main.ts');
} else {
  const bundled = join(root, 'node_modules/.bin/node');
  let remark = '';
  if (existsSync(bundled) && realpathSync(bundled) !== realpathSync(process.execPath)) {
    const argv = [__filename].concat(process.argv.slice(2));
    const { error, signal, status } = require('child_process').spawnSync(bundled, argv, {
      stdio: 'inherit',
    });
    if (error) remark = `; ${bundled} does not run (${error.code})`;
    else {
      if (signal) process.kill(process.pid, signal);
      process.exit(status === null ? 70 : status);
    }
  }
  process.stderr.write(
    `error: keyserver-admin needs Node 24 or later, and ${process.execPath} is ${process.version}${remark}\n` +
      '  put a newer Node first on the PATH, or run npm ci in ' +
      `${root}, which brings one along on Linux\n`,
  );
  process.exitCode = 3;
}

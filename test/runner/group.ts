/**
 * Runs test files in this process, one after another: loading the product takes longer than most files' tests.
 * `node test/runner/group.ts FILE…`; after each file comes the line with its counts (tap-output.ts).
 */
import { registerHooks } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import root, { type Test } from 'tap';

const ownTap = 'test:own-tap';
let current: Test = root;
Object.assign(globalThis, { [ownTap]: () => current });

/** A test file's `tap` is the test of this file, as if it ran alone. */
registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'tap' || !context.parentURL?.endsWith('.test.ts'))
      return next(specifier, context);
    return { url: `${ownTap}?${context.parentURL}`, format: 'module', shortCircuit: true };
  },
  load(url, context, next) {
    if (!url.startsWith(ownTap)) return next(url, context);
    const source = `export default globalThis['${ownTap}']();`;
    return { source, format: 'module', shortCircuit: true };
  },
});

// Each file has the time that it has alone; together they may take as long as that comes to.
const timeout = Number(process.env.TAP_TIMEOUT ?? 30) * 1000;
root.setTimeout(0);

for (const file of process.argv.splice(2)) {
  const path = resolve(file);
  process.argv[1] = path;
  const testdir = join('.tap/fixtures', file.replaceAll('/', '-'));
  await root.test(file, { testdir, timeout }, async (test) => {
    current = test;
    await import(pathToFileURL(path).href);
  });
  const { total, pass, fail, skip, todo } = current.counts;
  root.comment(`time=${current.time}ms`);
  root.comment(`{ total: ${total}, pass: ${pass}, fail: ${fail}, todo: ${todo}, skip: ${skip} }`);
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';

const root = resolve(import.meta.dirname, '../../..');

/** Makes objects as a service ends, all of which outlive collections. */
const makesLastingObjects = `
  const make = (i) => ({ list: [i], inner: { i } });
  process.once('exit', () => Array.from({ length: 500_000 }, (_, i) => make(i)));`;

/** Resolves to what V8 decided of the code that makes them. */
async function decisions(program: string) {
  const preloaded = `data:text/javascript,${encodeURIComponent(makesLastingObjects)}`;
  // Optimized code would not be counted.
  const flags = [
    '--no-opt',
    '--no-maglev',
    '--trace-pretenuring',
    '--trace-pretenuring-statistics',
  ];
  const child = spawn(process.execPath, [...flags, '--import', preloaded, ...program.split(' ')], {
    cwd: root,
    env: { NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { isTenured: output.includes('=> tenure'), errors, code };
}

for (const service of ['keyserver', 'secureproxy']) {
  t.test(`${service} makes no object old from the start`, async (t) => {
    const expected = { isTenured: false, errors: '', code: 0 };
    t.strictSame(await decisions(`${service}/main.ts --version`), expected);
  });
}

t.test('another program does, so that the test could fail', async (t) => {
  t.strictSame(await decisions('-e 0'), { isTenured: true, errors: '', code: 0 });
});

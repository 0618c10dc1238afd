import { resolve } from 'node:path';
import t from 'tap';
import { pollUntil } from '../../support/poll-until.ts';
import { runToEnd } from '../../support/run-to-end.ts';

const root = resolve(import.meta.dirname, '../../..');

for (const service of ['keyserver', 'secureproxy']) {
  t.test(`a second start of ${service} takes what the first compiled`, async (t) => {
    // It ends for want of settings.
    const start = () =>
      runToEnd(`${service}/main.ts`, [], {
        environment: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
        folder: root,
      });
    await start();
    const modules = ['shared/process/run.ts', `${service}/start.ts`, 'fastify/fastify.js'];
    // Files that other tests write at the same moment are not accepted.
    const { code, output } = await pollUntil('all is accepted', start, (ended) =>
      modules.every((module) =>
        new RegExp(`code cache for \\S+ \\S*/${module} was accepted`).test(ended.output),
      ),
    );
    t.equal(code, 78);
    t.match(output, `resolved path ${root}/node_modules/.cache/node-compile + `, 'kept beside it');
  });
}

t.test('so does the tool', async (t) => {
  const start = () =>
    runToEnd('keyserver/admin/launcher.cjs', ['--help'], {
      environment: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
      folder: root,
    });
  await start();
  const { code, output } = await start();
  t.equal(code, 0);
  t.match(output, /code cache for \S+ \S*\/keyserver\/admin\/program\.ts was accepted/);
});

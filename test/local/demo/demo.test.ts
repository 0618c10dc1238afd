import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { anythingAnswers, freePorts, type LocalCommand, runLocal } from '../command.ts';

/** Makes the call of a curl command, which the shell itself takes apart. */
function call(typed: string): Promise<Response> {
  const words = execFileSync('sh', ['-c', `curl() { printf '%s\\0' "$@"; }; ${typed}`])
    .toString()
    .split('\0')
    .slice(0, -1);
  const [url = '', ...options] = words;
  const valuesOf = (flag: string) => options.filter((_, index) => options[index - 1] === flag);
  const headers = valuesOf('-H').map((line) => line.split(': ') as [string, string]);
  const [body = ''] = valuesOf('-d');
  return fetch(url, { method: 'POST', headers, body });
}

/** Checks what a run has told, and what it wrote. */
function checkRun(t: Test, demo: LocalCommand, folder: string): void {
  t.equal(demo.stderr(), '');
  const told = demo.stdout();
  t.match(told, /Answer: 200[\s\S]*Answer: 200[\s\S]*Answer: 403 grant_denied/);
  t.match(told, /Api-Key: \.\.\.\w{4} \(the stored one\)/);
  t.match(told, /Authorization: \.\.\.\w{4} \(the stored one\)/);
  t.match(told, /Checked: (\d+) of \1 claims hold\./);
  t.notMatch(told, 'made-up-', 'shows no token');
  t.same(
    told
      .split('\n')
      .filter(
        (line) => line.length > 80 && !/^ {2}State, logs/.test(line) && !line.includes(folder),
      ),
    [],
    'is readable in 80 columns',
  );
  for (const log of ['keyserver.log', 'secureproxy.log']) {
    const logged = readFileSync(join(folder, log), 'utf8');
    t.not(logged, '');
    t.notMatch(logged, /made-up-|sp[kx]_/, `${log} has no token and no key`);
  }
}

t.test('the demo, twice on one state', async (t) => {
  const folder = join(t.testdir(), 'state');
  const ports = await freePorts();
  const readKey = () => readFileSync(join(folder, 'orders.key'), 'utf8');
  let key = '';

  await t.test('runs once', async (t) => {
    const demo = runLocal('demo', ['--once', '--data', folder], ports);
    t.equal(await demo.ended, 0, demo.stderr());
    checkRun(t, demo, folder);
    t.notOk(await anythingAnswers(ports), 'leaves nothing running');
    t.equal(statSync(folder).mode & 0o777, 0o700);
    t.equal(statSync(join(folder, 'orders.key')).mode & 0o777, 0o600);
    key = readKey();
  });

  await t.test('stays up, and the curl that it shows works', async (t) => {
    const demo = runLocal('demo', ['--data', folder], ports);
    t.teardown(() => demo.child.kill('SIGTERM'));
    await demo.said('Ctrl-C ends the demo.');
    checkRun(t, demo, folder);
    t.equal(readKey(), key, 'an app keeps its key');
    const told = demo.stdout();
    const [envelope = '', forward = ''] =
      told.match(/^curl (?:.*\\\n|.*\{\n(?: {2}".*\n)+)+.*$/gm) ?? [];
    t.match(forward, '/forward/shop-17/ozon-seller/');
    for (const typed of [envelope, forward]) {
      const answer = await call(typed);
      t.equal(answer.status, 200);
      t.match(await answer.json(), { result: { total: 1 } });
    }
    const admin = /^export (?:.*\\\n)*.*\nnpx .*$/m.exec(told)?.[0] ?? '';
    const tool = 'npx() { shift; node keyserver/admin/launcher.cjs "$@"; }';
    t.match(execFileSync('sh', ['-ec', `${tool}\n${admin}`]).toString(), /^orders .*shop-17/m);
    await demo.said('marketplace: POST /v3/product/list: 200');
    demo.child.kill('SIGINT');
    t.equal(await demo.ended, 0);
    t.notOk(await anythingAnswers(ports), 'leaves nothing running');
  });
});

t.test('settings that have no effect are named, without their values', async (t) => {
  const folder = join(t.testdir(), 'state');
  const ports = await freePorts();
  const foreign = { UPSTREAM_CA_FILE: '/nowhere/ca.pem', TLS_CERT_FILE: '/nowhere/cert.pem' };
  const demo = runLocal('demo', ['--once', '--data', folder], { ...ports, ...foreign });
  t.equal(await demo.ended, 0, demo.stderr());
  t.match(demo.stdout(), /^ {2}Ignored +TLS_CERT_FILE, UPSTREAM_CA_FILE \(/m);
  t.notMatch(demo.stdout(), '/nowhere');
});

t.test('a taken port is explained in one line, before anything is made', async (t) => {
  const folder = join(t.testdir(), 'state');
  const ports = await freePorts();
  const other = createServer().listen(Number(ports.SECUREPROXY_PORT), '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const demo = runLocal('demo', ['--once', '--data', folder], ports);
  t.equal(await demo.ended, 1);
  t.equal(
    demo.stderr(),
    `demo: port ${ports.SECUREPROXY_PORT} is in use: stop the process that listens there, or set SECUREPROXY_PORT\n`,
  );
  t.equal(demo.stdout(), '');
  t.notOk(existsSync(folder));
});

t.test('wrong arguments and ports are explained in one line', async (t) => {
  const folder = t.testdir();
  const ports = await freePorts();
  const explained = async (args: readonly string[], environment: Record<string, string>) => {
    const demo = runLocal('demo', ['--data', folder, ...args], { ...ports, ...environment });
    t.equal(await demo.ended, 1);
    t.match(demo.stderr(), /^demo: .+\n$/);
    return demo.stderr();
  };
  const [twice, noPort, samePort] = await Promise.all([
    explained(['--twice'], {}),
    explained(['--once'], { KEYSERVER_PORT: 'x' }),
    explained(['--once'], { KEYSERVER_PORT: ports.SECUREPROXY_PORT }),
  ]);
  t.match(twice, '--twice');
  t.match(noPort, 'KEYSERVER_PORT');
  t.match(samePort, 'KEYSERVER_PORT and SECUREPROXY_PORT are both');
});

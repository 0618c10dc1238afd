import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { freePort } from '../../support/free-port.ts';
import { startPair } from '../../support/pair.ts';
import { runToolHere } from '../../support/tool-here.ts';
import { until } from '../../support/until.ts';
import { answer, answers, startUpstream } from '../../support/upstream.ts';

const upstream = await startUpstream(t);
const pair = await startPair(t, { upstream: upstream.url });
const { folder, settings } = pair;
const proxy = pair.secureproxy.origin;
const closedPort = await freePort();
const keyFile = join(folder, 'app.key');
writeFileSync(keyFile, `${pair.appKey}\n`, { mode: 0o600 });
writeFileSync(join(folder, 'ozon.json'), '{"clientId": "4711", "apiKey": "made-up-key-0f1e2d3c"}');

async function run(command: string, environment: Readonly<Record<string, string>> = {}) {
  const { code, written } = await runToolHere({
    args: command.split(' '),
    environment: { ...settings, ...environment },
    folder,
    stdin: new Uint8Array(),
  });
  const on = (stream: string) => written.filter(({ to }) => to === stream).map(({ text }) => text);
  return { code, stdout: on('stdout').join(''), stderr: on('stderr').join('') };
}

const local = `--destination ${upstream.url} --unsafe-plaintext --unsafe-allow-private 127.0.0.0/8 --yes`;
const check = `token check shop-1 plain --proxy ${proxy} --key-file app.key`;

t.test('from nothing to valid in three commands', async (t) => {
  const granted = await run('grant add orders --client * --type ozon');
  t.equal(granted.code, 0, 'the app was there before, with its grant');
  const defined = await run(`type put ozon --preset ozon-seller ${local}`);
  t.equal(defined.stdout, 'created ozon\n');
  t.equal((await run('token put --client shop-1 --type ozon --file ozon.json')).code, 0);
  const { code, stdout } = await run(`token check shop-1 ozon --proxy ${proxy} --key-file app.key`);
  t.equal(code, 0);
  t.equal(stdout, 'valid (the marketplace answered 200)\n  The marketplace accepts the token.\n');
  const request = upstream.requests.at(-1);
  t.match(request, { method: 'POST', target: '/v1/roles' });
  t.same(request?.all('client-id'), ['4711']);
  t.same(request?.all('api-key'), ['made-up-key-0f1e2d3c']);
});

t.test('says what the marketplace says, with exit code 1', async (t) => {
  t.teardown(() => upstream.script(answers(200, 'ok')));
  const edited = await runToolHere({
    args: ['type', 'edit', 'plain', '--probe', `GET ${upstream.url}/me`],
    ...{ environment: settings, folder, stdin: new Uint8Array() },
  });
  t.equal(edited.code, 0);
  for (const [status, verdict] of [
    [401, 'revoked'],
    [403, 'wrong_kind'],
    [429, 'limited'],
    [503, 'unreachable'],
    [404, 'unclear'],
  ] as const) {
    upstream.script((socket) => void socket.write(answer(status, 'evil \u001b[31m text')));
    const { code, stdout } = await run(check);
    t.equal(code, 1);
    t.match(stdout, new RegExp(`^${verdict} \\(the marketplace answered ${status}\\)\n`));
    t.notMatch(stdout, 'evil');
    const json = await run(`${check} --json`);
    t.match(JSON.parse(json.stdout), { client: 'shop-1', type: 'plain', verdict, status });
  }
});

t.test('an unreachable marketplace is told with the code', async (t) => {
  t.teardown(() => upstream.script(answers(200, 'ok')));
  upstream.script((socket) => socket.destroy());
  const { code, stdout } = await run(check);
  t.equal(code, 1);
  t.match(stdout, /^unreachable \(upstream_unreachable, connection_closed\)\n/);
  const json = JSON.parse((await run(`${check} --json`)).stdout);
  t.match(json, { code: 'upstream_unreachable', reason: 'connection_closed' });
});

t.test(
  'takes from a server that lies neither text for the terminal nor more of a body',
  async (t) => {
    const lying = await startUpstream(t);
    const ask = () =>
      run(`token check shop-1 plain --proxy http://127.0.0.1:${lying.port} --key-file app.key`);
    for (const reason of ['evil \u001b[31m', 'Evil', 'evil reason', 1, null, ['evil'], {}]) {
      lying.script(answers(503, JSON.stringify({ code: 'overloaded', reason })));
      const { code, stderr } = await ask();
      t.equal(code, 1);
      t.match(stderr, /^error: SecureProxy rejects it: overloaded\n/);
      t.notMatch(stderr, /evil/i);
    }
    lying.script(answers(302, '', [['Location', `${upstream.url}/elsewhere`]]));
    const before = upstream.requests.length;
    t.match((await ask()).stderr, /not that of a SecureProxy/);
    t.equal(upstream.requests.length, before, 'a redirect is not followed');
    const bounded = 64 * 1024 * 1024;
    let sent = 0;
    lying.script((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
      const more = () => {
        do sent += chunk.length;
        while (!socket.destroyed && sent < bounded && socket.write(chunk));
        if (sent >= bounded) socket.end('0\r\n\r\n');
        else if (!socket.destroyed) socket.once('drain', more);
      };
      more();
    });
    t.match((await ask()).stderr, /not that of a SecureProxy/);
    await until(() => lying.open.size === 0);
    t.ok(sent < bounded, `${sent} bytes of an endless body`);
  },
);

t.test('asks again only about what a change of a moment ago may have put right', async (t) => {
  const busy = await startUpstream(t);
  for (const [status, code, reason, asked] of [
    [429, 'rate_limited', undefined, 1],
    [503, 'overloaded', 'calls', 1],
    [504, 'upstream_timeout', 'queue_timeout', 1],
    [400, 'request_invalid', 'schema', 1],
    [400, 'request_invalid', 'no_probe', 2],
    [403, 'grant_denied', 'no_grant', 2],
    [401, 'caller_unauthenticated', undefined, 2],
    [424, 'token_not_found', undefined, 2],
    [424, 'type_not_found', undefined, 2],
  ] as const) {
    busy.requests.length = 0;
    busy.script((socket) => {
      const isFirst = busy.requests.length === 1;
      const said = isFirst ? { code, reason } : { verdict: 'valid', detail: 'It works.' };
      socket.write(answer(isFirst ? status : 200, JSON.stringify(said)));
    });
    const ran = await run(
      `token check shop-1 plain --proxy http://127.0.0.1:${busy.port} --key-file app.key`,
    );
    t.equal(ran.code, asked === 1 ? 1 : 0, code);
    t.equal(busy.requests.length, asked, code);
  }
});

t.test('an error names the next step, and never the key', async (t) => {
  const elsewhere = `--key-file app.key --proxy`;
  for (const [command, code, message, hint] of [
    [
      `token check nobody plain --proxy ${proxy} --key-file app.key`,
      1,
      /token_not_found/,
      /token put --client nobody --type plain/,
    ],
    [
      `token check shop-1 other --proxy ${proxy} --key-file app.key`,
      1,
      /grant_denied \(no_grant\)/,
      /grant add APP --client shop-1 --type other/,
    ],
    [
      `token check shop-1 plain ${elsewhere} http://127.0.0.1:${closedPort}`,
      1,
      /does not answer \(ECONNREFUSED\)/,
      /check the URL/,
    ],
    [
      `token check shop-1 plain ${elsewhere} ${upstream.url}`,
      1,
      /not that of a SecureProxy/,
      /check the URL/,
    ],
    ...['/api', '/?a=1', '#x', '/check'].map(
      (rest) =>
        [
          `token check shop-1 plain ${elsewhere} ${proxy}${rest}`,
          2,
          /more than an origin/,
          /such as http:\/\/[^/]+$/m,
        ] as const,
    ),
    ...['http://user@', 'http://:made-up-word@'].map(
      (start) =>
        [
          `token check shop-1 plain ${elsewhere} ${proxy.replace('http://', start)}`,
          2,
          /the URL of the proxy is none/,
          /such as https:/,
        ] as const,
    ),
    [`token check shop-1 plain ${elsewhere} nonsense`, 2, /the URL of the proxy is none/, /https:/],
    [`token check shop-1 plain --proxy ${proxy}`, 2, /no app key is given/, /--key-file app.key/],
    [
      `token check shop-1 plain --proxy ${proxy} --key-file ozon.json`,
      2,
      /the app key is none/,
      /--key-file/,
    ],
    [`token check shop-1 plain --proxy ${proxy} --key-file absent.key`, 3, /cannot read/, /./],
  ] as const) {
    const ran = await run(command);
    t.equal(ran.code, code, `${command}: ${ran.stderr}`);
    const [first = '', ...rest] = ran.stderr.split('\n');
    if (code !== 3) t.match(first, message, command);
    else t.match(ran.stderr, message);
    t.match(rest.join('\n'), hint, command);
    t.notMatch(ran.stderr + ran.stdout, pair.appKey);
  }
});

t.test('takes the key from the environment, or a file that it names', async (t) => {
  const bare = `token check shop-1 plain --proxy ${proxy}`;
  t.equal((await run(bare, { APP_KEY: pair.appKey })).code, 0);
  t.equal((await run(bare, { APP_KEY_FILE: keyFile })).code, 0);
  const unknown = await run(bare, { APP_KEY: makeCallerKey('spk_') });
  t.equal(unknown.code, 1);
  t.match(unknown.stderr, /caller_unauthenticated.*\n.*app list/);
});

t.test(
  'takes client and type as options, as the other commands do, and neither twice',
  async (t) => {
    const rest = `--proxy ${proxy} --key-file app.key`;
    const { code, stdout } = await run(`token check --client shop-1 --type ozon ${rest}`);
    t.equal(code, 0, stdout);
    const mixed = await run(`token check shop-1 --type ozon ${rest}`);
    t.equal(mixed.code, 0);
    t.match((await run(`token check ${rest}`)).stderr, /^error: no client is given\n/);
    t.match((await run(`token check shop-1 ${rest}`)).stderr, /^error: no type is given\n/);
    const twice = await run(`token check shop-1 ozon --type ozon ${rest}`);
    t.match(twice, { code: 2, stderr: /^error: the type is given twice\n/ });
  },
);

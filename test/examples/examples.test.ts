import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { root } from '../docs/sources.ts';
import { startKeyserver } from '../support/keyserver.ts';
import { startPlainUpstream } from '../support/plain-upstream.ts';
import { loopback, startProxy } from '../support/proxy.ts';

/** By the example: the program that runs it, and arguments that show that it is there. */
const examples = {
  'call.sh': ['sh', '-c', 'command -v curl'],
  'call.mjs': [process.execPath, '--version'],
  'call.py': ['python3', '--version'],
  'call.php': ['php', '-r', 'exit(extension_loaded("curl") ? 0 : 1);'],
} as const;

function isThere([program, ...args]: readonly [string, ...string[]]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const arrived: object[] = [];
const answers = ['{"result":{"total":1}}', '{"result":{"total":2}}'];
const upstream = await startPlainUpstream(t, async (request, response) => {
  const { method, url, headers } = request;
  let body = '';
  for await (const chunk of request) body += chunk;
  arrived.push({ method, url, key: headers['api-key'], body: JSON.parse(body) });
  // A marketplace's own error, which says that it were the proxy's.
  response.statusCode = 404;
  response.setHeader('Proxy-Status', 'x; details="secureproxy; error=internal"');
  response.end(answers[(arrived.length - 1) % 2]);
});
const keyserver = await startKeyserver(t);
await keyserver.putType('ozon-seller', {
  ...{ destinations: [upstream], unsafePlaintext: true, unsafeAllowPrivate: loopback },
  injection: { scheme: 'headers', headers: { 'Api-Key': '{token}' } },
});
const token = 'made-up-token-0f1e2d3c4b5a';
await keyserver.putToken('shop-1', 'ozon-seller', token);
const appKey = await keyserver.putApp('app');
const proxyKey = await keyserver.putProxy('edge');
const { url } = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });

for (const [name, check] of Object.entries(examples)) {
  const [program] = check;
  const skip = !isThere(check) && `it needs ${check.join(' ')} to succeed`;
  t.test(`examples/${name} calls in both ways`, { skip }, async (t) => {
    const run = (key: string) =>
      promisify(execFile)(program, [join(root, 'examples', name)], {
        env: { PATH: process.env.PATH, SECUREPROXY_URL: url, APP_KEY: key },
      });
    t.equal((await run(appKey)).stdout, answers.map((answer) => `${answer}\n`).join(''));
    const call = { method: 'POST', url: '/v3/product/list', key: token, body: { limit: 100 } };
    t.same(arrived.splice(0), [call, call]);

    const refused = await run(token).catch((error) => error);
    t.match(refused, { code: /^[1-9]/, stdout: '' }, 'a token in place of the app key');
    t.match(refused.stderr, /SecureProxy: .*caller_unauthenticated/);
    t.match(refused.stderr, /[0-9a-f]{8}-[0-9a-f-]{27}/, 'the id of the request');
    t.same(arrived, []);
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { freePort } from '../support/free-port.ts';
import { startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { readyStatus } from '../support/service-run.ts';
import { freshClone, typistEnvironment } from './fresh-clone.ts';
import { outputPattern, pageBlocks } from './page-blocks.ts';
import { openShell } from './shell-session.ts';
import { root } from './sources.ts';
import { toolInProcess } from './tool-in-process.ts';

const page = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = pageBlocks(page);

/** The blocks of one language below a heading of the page. */
function textsOf(place: string, language: string): string[] {
  return blocks
    .filter((block) => block.place === place && block.language === language)
    .map(({ text }) => text);
}

/** Types a command that stays in the foreground; it ends with the test. */
function typed(
  test: Test,
  folder: string,
  commands: string,
  environment: Readonly<Record<string, string>>,
): ChildProcess {
  const child = spawn('bash', ['-euc', commands], {
    cwd: folder,
    env: { ...typistEnvironment, ...environment },
    // As a terminal does, so that its end reaches npm and what npm runs.
    detached: true,
    stdio: 'ignore',
  });
  const ended = once(child, 'close');
  test.teardown(async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    await ended;
  });
  return child;
}

/** Resolves once the service is ready. @throws Error if what starts it has ended */
function isReady(start: ChildProcess, port: number): Promise<number> {
  return pollUntil(
    `port ${port} is ready`,
    () => {
      if (start.exitCode !== null) throw new Error(`npm start ended with ${start.exitCode}`);
      return readyStatus(port);
    },
    (status) => status === 200,
    240_000,
  );
}

/** A request or an answer as it stands in an `http` block. */
function parseMessage(text: string) {
  const [head = '', body = ''] = text.split('\n\n');
  const [line = '', ...headers] = head.split('\n');
  return { line, headers: headers.map((header) => header.split(': ') as [string, string]), body };
}

/** A marketplace that keeps what came, as an `http` block has it, and answers with this JSON. */
function recorder(answer: string) {
  const requests: string[] = [];
  const listener: RequestListener = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const headers = request.rawHeaders.flatMap((name, i) =>
      i % 2 === 0 ? [`${name}: ${request.rawHeaders[i + 1]}`] : [],
    );
    const line = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
    requests.push(`${[line, ...headers].join('\n')}\n\n${body}\n`);
    response.setHeader('content-type', 'application/json');
    response.end(answer);
  };
  return { requests, listener };
}

t.test('the first token by hand, and the call that the page shows', async (t) => {
  const folder = freshClone(t);
  const project = join(folder, 'project');
  const [request = '', answer = ''] = textsOf('One call', 'http');
  const shownAnswer = parseMessage(answer);
  const marketplace = recorder(shownAnswer.body.trim());
  const upstream = await startPlainUpstream(t, marketplace.listener);
  const [keyserver, secureproxy] = await Promise.all([freePort(), freePort()]);
  const origin = `http://127.0.0.1:${secureproxy}`;
  const translate = (text: string) =>
    text
      .replace(
        '--destination https://api-seller.ozon.ru',
        '$& --unsafe-plaintext --unsafe-allow-private 127.0.0.0/8',
      )
      .replaceAll('https://api-seller.ozon.ru', upstream)
      .replaceAll('http://127.0.0.1:5004', origin);

  const [start = '', commands = ''] = textsOf('A first token by hand', 'sh');
  const started = typed(t, project, start, {
    KEYSERVER_PORT: String(keyserver),
    SECUREPROXY_PORT: String(secureproxy),
    KEYSERVER_TIMEOUT_MS: '20000',
  });
  await isReady(started, secureproxy);
  const apiKey = randomBytes(12).toString('hex');
  const secret = /`(\{"clientId": .*\})`/.exec(page)?.[1]?.replace('…', apiKey) ?? '';
  writeFileSync(join(project, 'token.json'), secret);
  const shell = openShell(t, {
    scratch: join(folder, 'scratch'),
    folder: project,
    environment: typistEnvironment,
  });
  t.match(await shell.run('npx keyserver-admin --version'), /^keyserver-admin /);
  // Two more programs start for each command otherwise; those take the second that a change needs to apply.
  await shell.run(`${await toolInProcess(t)}
npx() { test "$1" = keyserver-admin && "$@" && if [ "$2" = doctor ]; then sleep 3; fi; }`);
  const printed = await shell.run(translate(commands));
  t.match(printed, 'no faults, 1 check found warnings: exit code 0\n');
  t.equal(printed.slice(-shownAnswer.body.trim().length), shownAnswer.body.trim());
  const [byHand] = marketplace.requests.splice(0);

  const [leaves = ''] = textsOf('How it works', 'http');
  const authorization = `Bearer ${readFileSync(join(project, 'orders.key'), 'utf8').trim()}`;
  const post = async (path: string, body: string) => {
    const { headers } = parseMessage(request);
    const fields = Object.fromEntries(headers.filter(([name]) => name !== 'Host'));
    const answer = await fetch(origin + path, {
      method: 'POST',
      headers: { ...fields, Authorization: authorization },
      body,
    });
    return { status: answer.status, headers: answer.headers, body: await answer.text() };
  };
  const { line, body } = parseMessage(translate(request));
  const given = await post(line.split(' ')[1] ?? '', body);
  t.equal(`HTTP/1.1 ${given.status} OK`, shownAnswer.line);
  t.equal(given.body, shownAnswer.body.trim());
  for (const [name, value] of shownAnswer.headers) {
    if (name === 'x-request-id') t.match(given.headers.get(name), /^[0-9a-f-]{36}$/);
    else t.equal(given.headers.get(name), value);
  }
  const [arrived] = marketplace.requests;
  const expected = leaves
    .replace('api-seller.ozon.ru', new URL(upstream).host)
    .replace('(the stored key of shop-17)', apiKey);
  t.equal(arrived, expected, 'what leaves is what the page shows');
  t.equal(byHand, expected, 'and the curl of the page sends the same');

  const refused = body.replace('/v3/product/list', '/v2/stocks');
  t.not(refused, body);
  const explained = await post('/explain', refused);
  t.equal(explained.status, 200);
  const [shown = ''] = textsOf('Why is it refused?', 'json').map(translate);
  const oneLine = (text: string) => text.replaceAll(/([{[,:])\s+/g, '$1').trim();
  t.match(explained.body, outputPattern(oneLine(shown)));
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PairState } from '../../support/pair-state.ts';
import { type Ended, runToEnd } from '../../support/run-to-end.ts';
import { runToolHere } from '../../support/tool-here.ts';

interface Run {
  /** The program to start; absent: the tool, in this process. */
  readonly main?: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Runs the tool without `--json`, too. */
  readonly asText?: true;
}

const put = ['token', 'put', '--client', 'shop-9', '--type'];

function runs(secret: string, folder: string): Run[] {
  const service = {
    PUBLIC_KEY_URL: 'http://127.0.0.1:9/',
    TOKEN_REQUEST_URL: 'http://127.0.0.1:9/',
  };
  const json = JSON.stringify({ token: secret });
  return [
    { args: ['token', 'list'], asText: true },
    { main: 'keyserver/admin/main.ts', args: ['token', 'list'] },
    { args: ['token', 'show', '--client', 'shop-1', '--type', 'headers'] },
    { args: ['token', 'show', '--client', 'damaged', '--type', 'headers'] },
    { args: ['token', 'delete', '--client', 'no-such', '--type', 'headers'] },
    { args: [...put, 'headers'], stdin: secret, asText: true },
    { args: [...put, 'no-such-type'], stdin: secret },
    { args: [...put, 'headers'], stdin: JSON.stringify({ other: secret }) },
    { args: [...put, 'headers'], stdin: JSON.stringify({ [secret]: 'x' }) },
    { args: [...put, 'headers'], stdin: json.slice(0, -2) },
    { args: [...put, 'headers'], stdin: `${secret}\n${secret}` },
    { args: [...put, 'headers'], stdin: secret.repeat(2000) },
    { args: [...put, 'headers', '--expires', 'never'], stdin: secret },
    { args: [...put, 'headers', '--file', join(folder, 'secret.json')] },
    { args: [...put, 'headers', secret], asText: true },
    { args: ['plan', '--file', '-'], stdin: secret },
    { args: ['plan', '--file', '-'], stdin: `apps: [${secret}` },
    { args: ['apply', '--file', '-'], stdin: `apps:\n  a: { grants: [], key: "${secret}" }` },
    { args: ['type', 'put', 'headers', '--file', '-'], stdin: JSON.stringify({ ca: secret }) },
    { args: ['export'], asText: true },
    { args: ['doctor'], asText: true },
    { args: ['doctor'], environment: { DB_PASSWORD: secret } },
    { args: ['token', 'list'], environment: { DB_PASSWORD: secret } },
    {
      args: ['token', 'list'],
      environment: { DB_PASSWORD: secret, DB_PASSWORD_FILE: '/dev/null' },
    },
    { main: 'keyserver/main.ts', args: [], environment: { DB_PASSWORD: secret, DB_PORT: 'x' } },
    { main: 'secureproxy/main.ts', args: [], environment: { ...service, PROXY_KEY: secret } },
    {
      main: 'secureproxy/main.ts',
      args: [],
      environment: { ...service, PROXY_KEY: secret, PROXY_KEY_FILE: '/dev/null' },
    },
  ];
}

/** Runs the tool in this process. */
async function runTool(
  args: readonly string[],
  options: { folder: string; stdin: string; environment: Readonly<Record<string, string>> },
): Promise<Ended> {
  const { code, written } = await runToolHere({
    ...options,
    args,
    environment: { NODE_ENV: 'production', ...options.environment },
    stdin: Buffer.from(options.stdin),
  });
  return { code, output: written.map(({ text }) => text).join('') };
}

/** Runs the operator's tool and mistaken starts of the services, with `--json` and some as text. */
export async function operateInEveryWay(
  { settings, folder }: PairState,
  secret: string,
): Promise<Ended[]> {
  writeFileSync(join(folder, 'secret.json'), `["${secret}"]`);
  const ended: Ended[] = [];
  for (const { main, args, stdin = '', environment, asText } of runs(secret, folder)) {
    const options = { folder, stdin, environment: { ...settings, ...environment } };
    if (main !== undefined) ended.push(await runToEnd(main, args, options));
    else ended.push(await runTool([...args, '--json'], options));
    if (asText) ended.push(await runTool(args, options));
  }
  return ended;
}

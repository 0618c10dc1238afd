import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PairState } from '../../support/pair-state.ts';
import { type Ended, runToEnd } from '../../support/run-to-end.ts';

interface Run {
  readonly main?: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Runs it without `--json`, too. */
  readonly asText?: true;
}

const tool = 'keyserver/admin/main.ts';
const put = ['token', 'put', '--client', 'shop-9', '--type'];

function runs(secret: string, folder: string): Run[] {
  const service = {
    PUBLIC_KEY_URL: 'http://127.0.0.1:9/',
    TOKEN_REQUEST_URL: 'http://127.0.0.1:9/',
  };
  const json = JSON.stringify({ token: secret });
  return [
    { args: ['token', 'list'], asText: true },
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

/** Runs the operator's tool and mistaken starts of the services, with `--json` and some as text. */
export async function operateInEveryWay(
  { settings, folder }: PairState,
  secret: string,
): Promise<Ended[]> {
  writeFileSync(join(folder, 'secret.json'), `["${secret}"]`);
  const ended: Ended[] = [];
  for (const { main = tool, args, stdin = '', environment, asText } of runs(secret, folder)) {
    const options = { folder, stdin, environment: { ...settings, ...environment } };
    const isTool = main === tool;
    if (isTool) ended.push(await runToEnd(main, [...args, '--json'], options));
    if (!isTool || asText) ended.push(await runToEnd(main, args, options));
  }
  return ended;
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Test } from 'tap';
import { runToolHere, type ToolCall } from '../support/tool-here.ts';

/** A shell's handover: folder, arguments, environment, then stdin; all but the last end with NUL. */
function parseCall(call: Buffer): ToolCall {
  let rest = call;
  const next = () => {
    const end = rest.indexOf(0);
    const text = rest.toString('utf8', 0, end);
    rest = rest.subarray(end + 1);
    return text;
  };
  const folder = next();
  const args = Array.from({ length: Number(next()) }, next);
  const environment: Record<string, string> = {};
  for (let line = next(); line !== ''; line = next()) {
    const [name = ''] = line.split('=', 1);
    environment[name] = line.slice(name.length + 1);
  }
  return { folder, args, environment, stdin: rest };
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Runs one command of the tool; resolves to a script that prints what it printed, and ends as it did. */
async function run(call: Buffer): Promise<string> {
  const { code, written } = await runToolHere(parseCall(call));
  const print = written.map(
    ({ to, text }) => `printf %s ${quoted(text)}${to === 'stderr' ? ' >&2' : ''}`,
  );
  return [...print, `(exit ${code})`, ''].join('\n');
}

/** Lets shells run `keyserver-admin` in this process; returns the function of that name for bash. */
export async function toolInProcess(test: Test): Promise<string> {
  const server = createServer(async (request, response) => {
    response.end(await run(await buffer(request)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return `keyserver-admin() {
  eval "$({ printf '%s\\0' "$PWD" "$#" "$@"; env -0; printf '\\0'; cat; } |
    curl --silent --show-error --noproxy '*' --data-binary @- http://127.0.0.1:${port}/)"
}`;
}

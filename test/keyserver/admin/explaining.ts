import type { Test } from 'tap';
import { type Installation, install, wildberries } from './installation.ts';

export const secret = 'opaque-words-nobody-may-see';
export const call = ['explain', '--app', 'reports', '--client', 'shop-1', '--type', 'wildberries'];
export const url = 'https://api.example.com/v1/orders';
export const explain = [...call, '--method', 'get', '--url', url];

export async function installAll(t: Test): Promise<Installation> {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json(['token', 'put', '--client', 'shop-1', '--type', 'wildberries'], {
    stdin: secret,
  });
  await admin.json(['app', 'create', 'reports']);
  await admin.json([
    ...['grant', 'add', 'reports', '--client', 'shop-1', '--type', 'wildberries'],
    ...['--method', 'GET', '--path', '/v1/*'],
  ]);
  return admin;
}

/** The explanation of a call that is refused; checks that no secret is in it. */
export async function refused(t: Test, admin: Installation, argv: readonly string[]) {
  const { code, stdout, stderr } = await admin.run([...argv, '--json']);
  t.equal(code, 1, stderr);
  const text = await admin.run(argv);
  t.equal(text.code, 1);
  for (const printed of [stdout, text.stdout]) t.notMatch(printed, secret);
  const explanation = JSON.parse(stdout);
  const end = explanation.reason ? `${explanation.code} (${explanation.reason})` : explanation.code;
  const { missing, remedy } = explanation;
  const lines = [`\nrejected: ${end}`, ...(missing === undefined ? [] : [missing]), remedy];
  t.ok(text.stdout.endsWith(`${lines.join('\n  ')}\n`), text.stdout);
  return { ...explanation, step: explanation.steps.at(-1).step };
}

/** Runs the command that a remedy ends with. */
export async function follow(admin: Installation, remedy: string, stdin = '') {
  const [, command = ''] = /keyserver-admin (.*)$/.exec(remedy) ?? [];
  const argv = [...command.replace(/ < \S+$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  );
  await admin.json(argv, { stdin });
}

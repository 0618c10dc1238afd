import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Shell } from '../../../../keyserver/admin/description/completion.ts';
import { install } from '../installation.ts';

async function scriptFor(test: Test, shell: Shell): Promise<string> {
  const { code, stdout } = await (await install(test)).run(['completion', shell]);
  test.equal(code, 0);
  return stdout;
}

/** bash's completions of the last of these words. */
function offers(script: string, words: readonly string[], folder: string): string[] {
  const call = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _keyserver_admin; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const argv = ['--norc', '-c', `${script}\n${call}`, 'bash', 'keyserver-admin', ...words];
  const { stdout, stderr, status } = spawnSync('bash', argv, { cwd: folder, encoding: 'utf8' });
  if (status !== 0 || stderr !== '') throw new Error(`bash ended with ${status}: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}

t.test('bash completes commands, options, choices and files', async (t) => {
  const script = await scriptFor(t, 'bash');
  const folder = t.testdir({ 'fleet.yaml': '', 'fleet 2.yaml': '', keys: {} });
  const cases: readonly (readonly [string[], string[]])[] = [
    [['tok'], ['token']],
    [['token', 'p'], ['put']],
    [['token', 'put', '--cl'], ['--client']],
    [['token', 'put', '--client', 'shop-1', '--ty'], ['--type']],
    [['token', 'put', '--client', ''], []],
    [['--json', 'token', 'sh'], ['show']],
    [['token', 'list', '--js'], ['--json']],
    [
      ['app', 'list', '-o', ''],
      ['table', 'json', 'yaml'],
    ],
    [['app', 'list', '--output', 'y'], ['yaml']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', '--help', '--json', '--output'],
    ],
    [
      ['apply', '--file', 'fleet'],
      ['fleet.yaml', 'fleet 2.yaml'],
    ],
    [['apply', '--keys-to', ''], ['keys']],
    [
      ['restore', 'fl'],
      ['fleet.yaml', 'fleet 2.yaml'],
    ],
    [['restore', '--m'], ['--merge']],
    // The name of an app is no command.
    [['app', 'show', 'token', '--js'], ['--json']],
  ];
  for (const [words, expected] of cases) {
    t.same(offers(script, words, folder).sort(), expected.toSorted(), words.join(' '));
  }
  const first = offers(script, [''], folder);
  for (const command of ['token', 'type', 'app', 'doctor', 'completion', '--version']) {
    t.ok(first.includes(command), command);
  }
});

for (const [shell, pattern] of [
  ['zsh', /^ {4}' token put'\) commands=\(\) options=\('--client:whose token' /m],
  [
    'fish',
    /^complete -c keyserver-admin -n "__keyserver_admin_at ' token put'" -l client -x -d 'whose token'$/m,
  ],
] as const) {
  t.test(`${shell} has the same commands and options`, async (t) => {
    const script = await scriptFor(t, shell);
    t.match(script, pattern);
    t.match(script, / token' ' token put'| ' token' \| ' token put' /);
  });

  const isThere = spawnSync(shell, ['--version']).status === 0;
  t.test(`${shell} can read it`, { skip: !isThere && `no ${shell}` }, async (t) => {
    const folder = t.testdir({ script: await scriptFor(t, shell) });
    const { status, stderr } = spawnSync(shell, ['-n', join(folder, 'script')], {
      encoding: 'utf8',
    });
    t.same({ status, stderr }, { status: 0, stderr: '' });
  });
}

t.test('another shell is rejected without quoting it', async (t) => {
  const admin = await install(t);
  t.match(await admin.failure(['completion', 'tcsh']), {
    exit: 2,
    code: 'usage',
    message: 'shell must be one of bash, zsh, fish',
  });
});

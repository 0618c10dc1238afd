import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { generateKeyring } from '../../keyserver/keys/generate.ts';
import { createAuthority } from '../../local/certificate.ts';
import { freshClone, typistEnvironment } from './fresh-clone.ts';
import { consoleSteps, pageBlocks, type Step, wholeOutputPattern } from './page-blocks.ts';
import { openShell } from './shell-session.ts';
import { root } from './sources.ts';
import { toolInProcess } from './tool-in-process.ts';

const page = readFileSync(join(root, 'docs/admin.md'), 'utf8');
const steps = consoleSteps(pageBlocks(page));
/** The day after which the page's at-rest key is named. */
const keyringDay = new Date('2026-11-23');

/** Commands that the page takes for granted on the operator's machine. */
const machine = `
pass() { test "$*" = 'show shop-1' && echo made-up-token; }
`;

/** Commands to run before the first one of a place, if it needs more than the commands above it. */
const preparations: Readonly<Record<string, string>> = {
  // The page lists tokens before it creates a database.
  '': 'keyserver-admin migrate',
  'From nothing to a call': 'rm .data/keyserver.db*',
  'Rows of the earlier system': `
    umask 077
    head -c 32 /dev/urandom > key.bin
    head -c 16 /dev/urandom > iv.bin
    export AES_KEY_FILE=key.bin AES_IV_FILE=iv.bin
    node --input-type=module <<'END'
    import { createCipheriv } from 'node:crypto';
    import { readFileSync } from 'node:fs';
    import { DatabaseSync } from 'node:sqlite';
    const cipher = createCipheriv('aes-256-cbc', readFileSync('key.bin'), readFileSync('iv.bin'));
    const token = Buffer.concat([cipher.update('made-up'), cipher.final()]).toString('base64');
    new DatabaseSync('.data/keyserver.db')
      .prepare("INSERT INTO storage VALUES ('shop-9', 'wildberries', ?)")
      .run(token);
END`,
  'Apps and proxies': 'unset AES_KEY_FILE AES_IV_FILE; rm key.bin iv.bin',
  // A migration is not taken back while the token table has rows.
  Database: `
    keyserver-admin token delete --client shop-1 --type ozon-seller
    keyserver-admin token delete --client shop-9 --type wildberries`,
  // An installation of the size shown, with one unsafe setting and one token row that somebody with
  // access to the database overwrote with another.
  doctor: `
    umask 077
    keyserver-admin migrate
    keyserver-admin type put wildberries --destination https://marketplace-api.example.com
    keyserver-admin type put ozon-seller --destination https://api-seller.example.com
    keyserver-admin proxy create dc-1
    keyserver-admin app create reports
    keyserver-admin grant add reports --client 'shop-*' --type wildberries
    head -c 24 /dev/urandom | base64 > generated.txt
    keyserver-admin token put --client shop-1 --type wildberries < generated.txt
    keyserver-admin token put --client shop-2 --type wildberries < generated.txt
    node --input-type=module <<'END'
    import { DatabaseSync } from 'node:sqlite';
    new DatabaseSync('.data/keyserver.db').exec(
      "UPDATE storage SET token = (SELECT token FROM storage WHERE client_id = 'shop-1')",
    );
END
    head -c 32 /dev/urandom > key.bin
    head -c 16 /dev/urandom > iv.bin
    export UNSAFE_LEGACY_ROWS=1 AES_KEY_FILE=key.bin AES_IV_FILE=iv.bin`,
};

/** The exit code by the page's table for the output that it shows. */
function codeOf({ commands, output = '' }: Step): number {
  if (/^(?:error: |~ )/.test(output) && !commands.includes(' apply ')) return 2;
  return /^rejected: | found faults[,:] .*exit code 1$|^left \d+ rows?: /m.test(output) ? 1 : 0;
}

t.test('the commands of the page print what it shows', async (t) => {
  const folder = freshClone(t);
  const project = join(folder, 'project');
  generateKeyring(join(project, '.data/keyring'), keyringDay);
  for (const [name, text] of [
    ['.env', 'DB_FILE=.data/keyserver.db\nKEYRING_DIR=.data/keyring\n'],
    ['token.txt', 'q7Vt2mXcR9bLw4ZkN8yHs3Fd\n'],
    ['sandbox-ca.pem', (await createAuthority('Sandbox', new Date())).ca],
    ['ozon.json', '{"clientId": "7", "apiKey": "b1f7c0d2-53c4-4a7e-9d86-2e1a90c4f35b"}'],
  ] as const) {
    writeFileSync(join(project, name), text);
  }
  const shell = openShell(t, {
    scratch: join(folder, 'scratch'),
    folder: project,
    environment: typistEnvironment,
  });
  await shell.run(`${await toolInProcess(t)}${machine}`);
  t.equal(steps.length, page.match(/^\$ /gm)?.length, 'no command stands elsewhere');
  const places = Map.groupBy(steps, ({ place }) => place);
  t.strictSame(
    Object.keys(preparations).filter((place) => !places.has(place)),
    [],
    'every prepared place is on the page',
  );
  for (const [place, placeSteps] of places) {
    await t.test(place || 'the beginning', async (t) => {
      await shell.run(preparations[place] ?? '');
      for (const step of placeSteps) {
        const { commands, output } = step;
        const printed = await shell.run(`code=0; {\n${commands}} 2>&1 || code=$?`);
        t.equal(await shell.run('echo $code'), `${codeOf(step)}\n`, commands, { printed });
        if (output !== undefined) t.match(printed, wholeOutputPattern(output), commands);
      }
    });
  }
});

t.test('the page shows every command', async (t) => {
  const commands = {
    token: ['put', 'list', 'show', 'delete'],
    type: ['put', 'edit', 'list', 'show', 'delete', 'history', 'undo'],
    app: ['create', 'list', 'rotate', 'revoke', 'history', 'undo'],
    proxy: ['create', 'list', 'rotate', 'revoke', 'history'],
    grant: ['add', 'list', 'remove'],
    legacy: ['check', 'take-over', 'give-back'],
  };
  for (const [noun, verbs] of Object.entries(commands)) {
    for (const verb of verbs)
      t.ok(new RegExp(`^\\$ (?:\\w+=1 )?keyserver-admin ${noun} ${verb}`, 'm').test(page), verb);
  }
  for (const command of ['migrate', 'doctor', 'explain', 'export', 'plan', 'apply']) {
    t.match(page, `$ keyserver-admin ${command}`);
  }
});

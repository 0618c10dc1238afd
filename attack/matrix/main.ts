/**
 * `npm run attack:matrix`: takes each defence away in a copy of the project, tries the attacks on that, and
 * writes which got through to docs/attack-matrix.md. Arguments are parts of defences' names: those alone are
 * tried, and the other rows stay. Code 1 where a defence is missed by no attack and no test.
 */
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { print, runCommand } from '../../local/command.ts';
import { LocalError } from '../../local/local-error.ts';
import type { Result } from '../run.ts';
import { isThrough } from '../table.ts';
import type { Defence } from './defence.ts';
import { defences } from './defences.ts';

const root = resolve(import.meta.dirname, '../..');
const folders = ['attack', 'keyserver', 'secureproxy', 'shared', 'local', 'test'];
const pageFile = join(root, 'docs/attack-matrix.md');
const limitMs = 300_000;

await runCommand('attack:matrix', async () => {
  const chosen = process.argv.slice(2);
  const rows = readRows();
  let missed = 0;
  for (const defence of defences) {
    const { name } = defence;
    if (chosen.length > 0 && !chosen.some((text) => name.includes(text))) continue;
    const through = await attackWithout(defence);
    if (through.length === 0) missed += 1;
    print(`${through.length} got through or failed without: ${name}`);
    rows.set(name, row(defence, through));
    // At once, so that a run that is broken off has not been for nothing.
    writeFileSync(pageFile, page(defences.flatMap((one) => rows.get(one.name) ?? [])));
  }
  return missed === 0 ? 0 : 1;
});

/** The rows of the page as it is, by defence. */
function readRows(): Map<string, string> {
  if (!existsSync(pageFile)) return new Map();
  const lines = readFileSync(pageFile, 'utf8').split('\n');
  return new Map(lines.map((line) => [line.split(' | ', 1)[0]?.replace('| ', '') ?? '', line]));
}

/** The attacks that get through, and the tests that fail, once the defence is taken away. */
async function attackWithout({
  file,
  text,
  without,
  classes,
  tests = [],
}: Defence): Promise<string[]> {
  const copy = mkdtempSync(join(tmpdir(), 'attack-matrix-'));
  try {
    for (const folder of folders)
      cpSync(join(root, folder), join(copy, folder), { recursive: true });
    cpSync(join(root, 'package.json'), join(copy, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const source = readFileSync(join(copy, file), 'utf8');
    if (source.split(text).length !== 2) {
      throw new LocalError(`${file} does not have once: ${text}`);
    }
    for (const test of tests) {
      if (!(await passes(copy, test))) throw new LocalError(`${test} fails with nothing taken out`);
    }
    writeFileSync(
      join(copy, file),
      source.replace(text, () => without),
    );
    const results: Result[] = [];
    for (const one of classes) results.push(...(await attack(copy, one)));
    const missing = results.filter(isThrough).map(({ name }) => name);
    for (const test of tests) if (!(await passes(copy, test))) missing.push(`\`${test}\``);
    return missing;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function attack(folder: string, only: string): Promise<Result[]> {
  return new Promise((done, fail) => {
    const options = { cwd: folder, timeout: limitMs, maxBuffer: 64 * 1024 * 1024 };
    const args = ['attack/main.ts', '--json', '--only', only];
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      try {
        done((JSON.parse(stdout) as { results: Result[] }).results);
      } catch {
        fail(new LocalError(`the attacks themselves failed: ${error?.message} ${stderr}`));
      }
    });
  });
}

function passes(folder: string, test: string): Promise<boolean> {
  return new Promise((done) => {
    const options = { cwd: folder, timeout: limitMs, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [test], options, (error) => done(error === null));
  });
}

function row({ name, file }: Defence, through: readonly string[]): string {
  const few = through
    .slice(0, 3)
    .map((attack) => attack.replace(/[^\x20-\x7e]/g, '?').replaceAll('|', '\\|'));
  const rest = through.length > few.length ? `; and ${through.length - few.length} more` : '';
  return `| ${name} | \`${file}\` | ${through.length} | ${few.join('; ')}${rest} |`;
}

function page(rows: readonly string[]): string {
  return `# Which attacks miss which defence

Made by \`npm run attack:matrix\`, which takes one defence away at a time, in a copy of the sources, and tries the
attacks of its class on that ([attack.md](attack.md)), or runs its tests where no attack sees it from outside. No
attack gets through what is there, and the tests pass.

| defence | taken out of | attacks that got through, tests that failed | such as |
|---|---|---|---|
${rows.join('\n')}
`;
}

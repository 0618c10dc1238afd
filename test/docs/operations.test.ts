import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { errorTable } from '../../shared/errors.ts';
import { firstParts, followRunbook, lastParts } from './runbook.ts';
import { readSources, root } from './sources.ts';
import { deployment, operations } from './systemd-pair.ts';

t.setTimeout(600_000);

const runbook = readFileSync(join(root, 'docs/operations.md'), 'utf8');

// The whole runbook is followed in operations.long.test.ts.
t.test('a deployment with systemd leads to a call, as the page has it', (t) =>
  followRunbook(t, { ...firstParts, ...lastParts }, { startsTool: false }),
);

t.test('every alarm of the runbook is a log message of the services', async (t) => {
  const sources = readSources('shared', 'keyserver', 'secureproxy').map(({ text }) => text);
  const [, messages = '', codes = ''] = runbook.split(/^### (?:Log messages|Error codes)$/m);
  const rows = [...messages.matchAll(/^\| `([^`]+)` \|/gm)].filter(([, row]) => row !== 'msg');
  t.ok(rows.length > 10);
  for (const [, shown = ''] of rows) {
    const text = shown.replace(/…$/, '').trim();
    t.ok(
      sources.some((source) => source.includes(text)),
      shown,
    );
  }
  const levels = /log(?:ger)?\.(?:warn|error|fatal)\([^;]*?'((?:[^'\\]|\\.)+)',?\s*\)/g;
  for (const [, message = ''] of sources.flatMap((text) => [...text.matchAll(levels)])) {
    t.ok(
      rows.some(([, shown = '']) => message.startsWith(shown.replace(/…$/, '').trim())),
      `the page has: ${message}`,
    );
  }
  for (const code of Object.keys(errorTable)) {
    const isOurs = errorTable[code as keyof typeof errorTable].status >= 500;
    if (isOurs) t.match(codes, `[${code}](errors/${code}.md)`, code);
  }
});

t.test('every shell block of the pages parses', async (t) => {
  const steps = [...deployment, ...operations];
  t.ok(steps.length > 30);
  for (const { place, commands } of steps) {
    t.doesNotThrow(() => execFileSync('bash', ['-n'], { input: commands }), place);
  }
});

t.test('the pages close a file of secrets to others before they write it', async (t) => {
  const written =
    /(?:>>?|(?<!-)-(?:key)?out)\s*"?[^\s"<>|&]+(?:\.(?:key|pem|sql|cnf|enc)|password|passphrase)(?:\.new)?"?(?![^\s)])/g;
  let files = 0;
  for (const { place, commands } of [...deployment, ...operations]) {
    for (const { 0: shown, index } of commands.matchAll(written)) {
      files += 1;
      t.ok(commands.slice(0, index).includes('umask 077\n'), `${place}: ${shown}`);
    }
  }
  t.ok(files > 20, `only ${files} files were found`);
});

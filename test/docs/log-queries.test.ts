import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { logFieldNames } from '../../shared/log/request-log.ts';
import { readGoldenCases } from './golden-lines.ts';
import { root } from './sources.ts';

const page = readFileSync(join(root, 'docs/logs.md'), 'utf8');
const queries = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text = '']) => text.trim(),
  );
const jqQueries = queries('sh');
const lokiQueries = queries('logql');
const fields = new Set([
  ...logFieldNames,
  ...readGoldenCases().flatMap(({ lines }) => lines.flatMap((line) => Object.keys(line))),
]);

t.test('jq queries name fields that exist', async (t) => {
  t.ok(jqQueries.length > 5);
  for (const query of jqQueries) {
    const named = [...query.matchAll(/(?<![\w"])\."?([a-z_]+(?:\.[a-z_]+)*)"?/g)].map(([, n]) => n);
    t.ok(named.length > 0, query);
    for (const name of named) {
      t.ok(fields.has(name ?? '') || name === 'err.message', `${name} of ${query}`);
    }
  }
});

t.test('Loki queries name fields that exist, with _ for dots', async (t) => {
  t.ok(lokiQueries.length > 5);
  const labels = new Set([...fields].map((name) => name.replaceAll('.', '_')));
  const functions = /^(?:count|sum|quantile)_over_time$/;
  for (const query of lokiQueries) {
    const words = query.replace(/"[^"]*"/g, '').match(/[a-z]+(?:_[a-z]+)+/g) ?? [];
    const compared = [...query.matchAll(/\| (\w+) ?(?:=|!=|=~|>)/g)].map(([, name = '']) => name);
    const named = [...words, ...compared].filter((word) => !functions.test(word));
    t.ok(named.length > 0, query);
    for (const name of named) t.ok(labels.has(name), `${name} of ${query}`);
  }
});

const hasJq = spawnSync('jq', ['--version']).status === 0;

t.test(
  'every jq query finds something in the lines of docs/logs.md',
  {
    skip: hasJq ? false : 'jq is not installed',
  },
  async (t) => {
    const folder = t.testdir({});
    for (const service of ['secureproxy', 'keyserver']) {
      const lines = readGoldenCases()
        .flatMap((one) => one.lines)
        .filter((line) => line['service.name'] === service);
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
      writeFileSync(join(folder, `${service}.log`), text);
    }
    for (const query of jqQueries) {
      const { status, stdout, stderr } = spawnSync('sh', ['-c', query], {
        cwd: folder,
        encoding: 'utf8',
      });
      t.equal(status, 0, `${query}\n${stderr}`);
      t.notMatch(stdout, /^(?:null|\[\]|)\s*$/, query);
    }
  },
);

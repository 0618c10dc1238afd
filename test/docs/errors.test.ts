import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Check } from 'typebox/value';
import { type ErrorCode, errorTable } from '../../shared/errors.ts';
import { ProblemSchema } from '../../shared/http/problem.ts';
import { findReasons } from './reasons.ts';
import { readSources, root } from './sources.ts';

const folder = join(root, 'docs/errors');
const codes = Object.keys(errorTable) as ErrorCode[];
const page = (code: string) => readFileSync(join(folder, `${code}.md`), 'utf8');
// Not found and expired have another status at SecureProxy.
const dependencyCodes: readonly string[] = ['token_not_found', 'type_not_found', 'token_expired'];
const sources = readSources('shared', 'keyserver', 'secureproxy');
const reasons = findReasons(sources);

t.test('every code has a page, and every page a code', async (t) => {
  t.same(readdirSync(folder).sort(), codes.map((code) => `${code}.md`).sort());
});

t.test('every page is headed by its code and says title and status', async (t) => {
  for (const code of codes) {
    const { title, status } = errorTable[code];
    const text = page(code);
    t.ok(text.startsWith(`# \`${code}\`\n\n**${title}.** HTTP ${status}`), code);
    if (dependencyCodes.includes(code)) t.match(text, 'HTTP 424 from SecureProxy', code);
  }
});

t.test('every page shows an answer that the services could give', async (t) => {
  for (const code of codes) {
    const example: unknown = JSON.parse(/```json\n([^`]+)```/.exec(page(code))?.[1] ?? 'null');
    if (!Check(ProblemSchema, example)) {
      t.fail(`${code} shows no problem`);
      continue;
    }
    t.match(example, { type: `/errors/${code}`, title: errorTable[code].title, code });
    t.equal(example.status, dependencyCodes.includes(code) ? 424 : errorTable[code].status, code);
    const known = reasons.filter((one) => one.code === code).map(({ reason }) => reason);
    if (example.reason !== undefined) t.ok(known.includes(example.reason), example.reason);
  }
});

t.test('every reason in the sources is named on the page of its code', async (t) => {
  t.ok(reasons.length > 60, `only ${reasons.length} reasons were found`);
  for (const { code, reason, path } of reasons) {
    t.ok(page(code).includes(`\`${reason}\``), `${code}: ${reason} of ${path}`);
  }
});

t.test('no page names a reason that the sources do not have', async (t) => {
  for (const code of codes) {
    const rows = [...page(code).matchAll(/^\| `(?!reason`)(\w+)` \|/gm)].map(
      (match) => match[1] ?? '',
    );
    for (const reason of rows) {
      t.ok(
        reasons.some((one) => one.code === code && one.reason === reason),
        `${code}: ${reason}`,
      );
    }
  }
});

t.test('the page on routes names all of both services', async (t) => {
  for (const service of ['keyserver', 'secureproxy']) {
    const { paths } = JSON.parse(readFileSync(join(root, `openapi/${service}.json`), 'utf8'));
    for (const path of Object.keys(paths)) {
      t.ok(page('route_not_found').includes(`${path.replace('{path}', '…')}\``), path);
    }
  }
});

t.test('pages name only commands and settings that exist', async (t) => {
  const sources = readSources('keyserver', 'secureproxy', 'shared').map(({ text }) => text);
  const said = codes.flatMap((code) => [
    ...(page(code).match(/--[a-z][a-z-]+/g) ?? []),
    ...(page(code).match(/\b[A-Z]{2,}(?:_[A-Z]+)+\b/g) ?? []),
  ]);
  for (const name of new Set(said)) {
    t.ok(
      sources.some((text) => text.includes(name)),
      name,
    );
  }
});

import { readdirSync } from 'node:fs';
import t from 'tap';
import { type ErrorCode, errorTable, ServiceError } from '../../../shared/errors.ts';
import { errorPageRoutes } from '../../../shared/http/error-pages.ts';
import { toProblem } from '../../../shared/http/problem.ts';
import { startApp } from '../app.ts';

const codes = Object.keys(errorTable) as ErrorCode[];

t.test('every code has its page, where its problem points', async (t) => {
  const { app } = await startApp(t);
  errorPageRoutes(app);
  for (const code of codes) {
    const { type } = toProblem(new ServiceError(code), 'r1');
    const { statusCode, headers, body } = await app.inject(type);
    t.equal(statusCode, 200, code);
    t.equal(headers['content-type'], 'text/markdown; charset=utf-8');
    t.ok(body.includes(code) && body.length > 100, `${code}: says what to do`);
  }
});

t.test('no page is of a code that there is not', async (t) => {
  const pages = readdirSync(new URL('../../../docs/errors/', import.meta.url));
  t.same(
    pages.filter((page) => page.endsWith('.md')).sort(),
    codes.map((code) => `${code}.md`).sort(),
  );
});

t.test('no other file can be had', async (t) => {
  const { app } = await startApp(t);
  errorPageRoutes(app);
  for (const name of [
    '..%2f..%2fpackage.json',
    '..%2fprotocol',
    'internal.md',
    'Internal',
    'internal%00',
    '%2e%2e%2fprotocol',
    'toString',
    '__proto__',
  ]) {
    const { statusCode, body } = await app.inject(`/errors/${name}`);
    t.ok(statusCode === 400 || statusCode === 404, name);
    t.match(JSON.parse(body), { requestId: String }, name);
  }
});

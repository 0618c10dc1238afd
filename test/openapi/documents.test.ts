import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openapiFiles } from '../../openapi/files.ts';
import {
  buildInertKeyserver,
  buildInertSecureproxy,
  keyserverDocument,
  secureproxyDocument,
} from '../../openapi/from-routes.ts';
import { errorTable, isErrorCode } from '../../shared/errors.ts';
import type { Operation } from '../../shared/http/openapi.ts';
import { problemMediaType } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { findReasons } from '../docs/reasons.ts';
import { readSources, root } from '../docs/sources.ts';

const services = [
  { name: 'KeyServer', document: await keyserverDocument(), build: buildInertKeyserver },
  { name: 'SecureProxy', document: await secureproxyDocument(), build: buildInertSecureproxy },
];

function operations(document: (typeof services)[number]['document']) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** True if the answer of this status is described and names the code. */
function describes({ responses }: Operation, status: number, code: string): boolean {
  const answer = responses[String(status)] ?? responses.default;
  return answer?.description.includes(`\`${code}\``) === true;
}

t.test('the committed documents are what the route schemas say', async (t) => {
  for (const { path, text } of await openapiFiles()) {
    const committed = readFileSync(join(root, path), 'utf8');
    t.ok(committed === text, `${path} is out of date: run npm run openapi`);
  }
});

t.test('the documents have the routes of the services, and no others', async (t) => {
  for (const { name, document, build } of services) {
    const app = await build();
    const documented = operations(document).map(({ path, method }) => `${method} ${path}`);
    t.same(documented.sort(), routesOf(app), name);
    await app.close();
  }
});

/** `method path` of every route, from the router's own print-out, where `/` may stand for itself. */
function routesOf(app: Service): string[] {
  const printed = app.printRoutes({ commonPrefix: false });
  const routes = [...printed.matchAll(/── \/?(\S*) \(([^)]+)\)/g)].flatMap(
    ([, path = '', methods = '']) =>
      methods
        .split(', ')
        .filter((method) => method !== 'HEAD')
        .map((method) => `${method.toLowerCase()} /${path.replace(/:(\w+)/g, '{$1}')}`),
  );
  return routes.sort();
}

t.test('operation ids are unique in each document', async (t) => {
  for (const { name, document } of services) {
    const ids = operations(document).map(({ operation }) => operation.operationId);
    t.ok(
      ids.every((id) => /^[a-z][A-Za-z]+$/.test(id)),
      `${name}: ${ids}`,
    );
    t.equal(new Set(ids).size, ids.length, name);
  }
});

t.test('every $ref resolves', async (t) => {
  for (const { name, document } of services) {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      (match) => match[1] ?? '',
    );
    t.ok(refs.length > 0, `${name} has references`);
    for (const ref of new Set(refs)) {
      const found = ref
        .replace(/^#\//, '')
        .split('/')
        .reduce<unknown>((value, member) => Object(value)[member], document);
      t.type(found, 'object', `${name}: ${ref}`);
    }
  }
});

t.test('every security requirement names a scheme that is described', async (t) => {
  for (const { name, document } of services) {
    const { components } = Object(document) as { components: { securitySchemes?: object } };
    const known = Object.keys(components.securitySchemes ?? {});
    const required = operations(document).flatMap(({ operation }) =>
      [Object(operation).security ?? []].flat().flatMap((scheme: object) => Object.keys(scheme)),
    );
    t.same([...new Set(required)], known, name);
  }
  t.match(services[1]?.document, {
    components: { securitySchemes: { appKey: { type: 'http', scheme: 'bearer' } } },
  });
});

t.test('every code that is answered is described by an operation, with its status', async (t) => {
  const reasons = findReasons(readSources('shared', 'keyserver', 'secureproxy'));
  const answered = new Set([
    ...reasons.map(({ code }) => code),
    ...readSources('shared', 'keyserver', 'secureproxy').flatMap(({ text }) =>
      [...text.matchAll(/ServiceError\(\s*'(\w+)'/g)].map((match) => match[1] ?? ''),
    ),
  ]);
  // These two are answered where there is no operation.
  for (const code of ['route_not_found', 'method_not_allowed']) answered.delete(code);
  for (const code of answered) {
    const { status } = errorTable[code as keyof typeof errorTable];
    const described = services.some(({ document }) =>
      operations(document).some(({ operation }) => describes(operation, status, code)),
    );
    t.ok(described, code);
  }
});

t.test('what operations refuse without any key or row is described at each of them', async (t) => {
  for (const { name, document, build } of services) {
    const app = await build();
    for (const { path, method, operation } of operations(document)) {
      for (const [fault, request] of Object.entries(faultyRequests)) {
        const answer = await app.inject({
          method: method === 'post' ? 'POST' : 'GET',
          url: path,
          ...request,
        });
        if (!String(answer.headers['content-type']).includes('json')) continue;
        const { code } = answer.json<{ code?: string }>();
        if (code === undefined) continue;
        t.ok(
          describes(operation, answer.statusCode, code),
          `${name} ${method} ${path}, ${fault}: ${answer.statusCode} ${code}`,
        );
      }
    }
    await app.close();
  }
});

interface OwnAnswer {
  readonly service: string;
  readonly url: string;
  readonly what: string;
  readonly answer: Awaited<ReturnType<Service['inject']>>;
}

/** Answers at every path, and where there is none, by all methods, to requests right and wrong. */
async function ownAnswers(): Promise<OwnAnswer[]> {
  const answers: OwnAnswer[] = [];
  for (const { name: service, document, build } of services) {
    const app = await build();
    const urls = Object.keys(document.paths).map((path) => path.replace('{code}', 'internal'));
    for (const url of [...urls, '/none', '/errors/none', '/%zz']) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'] as const) {
        for (const [fault, { headers, ...body }] of Object.entries(faultyRequests)) {
          const request = { method, url, headers: { ...headers, 'x-request-id': 'r1' }, ...body };
          const answer = await app.inject(request);
          const what = `${service} ${method} ${url}, ${fault}: ${answer.statusCode}`;
          answers.push({ service, url, what, answer });
        }
      }
    }
    await app.close();
  }
  return answers;
}

t.test('all own answers', async (t) => {
  const answers = await ownAnswers();
  t.test('have the request id, and forbid caches all but the public key', async (t) => {
    for (const { url, what, answer } of answers) {
      const isKept = url === '/public_key' && answer.statusCode === 200;
      t.strictSame(
        [answer.headers['x-request-id'], answer.headers['cache-control']],
        ['r1', isKept ? 'public, max-age=60' : 'no-store'],
        what,
      );
    }
  });
  t.test('that are errors of SecureProxy say so in headers, and no others', async (t) => {
    for (const { service, what, answer } of answers) {
      const { headers, body } = answer;
      const told = [headers['x-secureproxy-error'], headers['x-secureproxy-reason']];
      const isProblem = headers['content-type'] === problemMediaType;
      if (service === 'KeyServer' || !isProblem) t.strictSame(told, [undefined, undefined], what);
      else if (body === '') t.ok(isErrorCode(told[0]), what);
      else {
        const { code, reason } = answer.json<{ code: string; reason?: string }>();
        t.strictSame(told, [code, reason], what);
      }
    }
  });
});

const json = { 'content-type': 'application/json' };
const faultyRequests: Record<
  string,
  { readonly headers?: Record<string, string>; readonly payload?: string }
> = {
  'no body': {},
  'no JSON': { headers: json, payload: '{' },
  'unknown member': { headers: json, payload: '{"unknown":1}' },
  'another media type': { headers: { 'content-type': 'text/csv' }, payload: 'a,b' },
  'a large body': { headers: json, payload: `"${'x'.repeat(17 * 1024 * 1024)}"` },
  'a cut app key': { headers: { authorization: 'Bearer spk_cut' } },
  'a session that does not open': {
    headers: json,
    payload: JSON.stringify({ clientId: 'c', tokenType: 't', sessionKey: 'AAAA' }),
  },
  'a KeyServer that is away': {
    headers: json,
    payload: JSON.stringify({ ClientId: 'c', TokenType: 't', ApiUri: 'https://shop.example/' }),
  },
};

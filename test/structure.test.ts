import { posix } from 'node:path';
import t from 'tap';
import { readSources } from './docs/sources.ts';

const sources = readSources('shared', 'keyserver', 'secureproxy', 'local', 'openapi', 'docs');
const paths = new Set(sources.map(({ path }) => path));

/** Files that a file imports, types included; paths from the project's folder. */
function importsOf({ path, text }: (typeof sources)[number]): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    posix.join(posix.dirname(path), match[1] ?? ''),
  );
}

const imports = new Map(sources.map((source) => [source.path, importsOf(source)]));
const inFolder = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
/** The source without comments, where a name may stand. */
const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');

t.test('every relative import names a file that is there', async (t) => {
  t.ok(paths.size > 100, `only ${paths.size} files were found`);
  for (const [path, imported] of imports) {
    for (const target of imported) t.ok(paths.has(target), `${path} imports ${target}`);
  }
});

t.test('the services never import each other, and shared imports neither', async (t) => {
  const forbidden = [
    ['shared', ['keyserver', 'secureproxy', 'local', 'openapi', 'docs']],
    ['keyserver', ['secureproxy', 'local', 'openapi', 'docs']],
    ['secureproxy', ['keyserver', 'local', 'openapi', 'docs']],
  ] as const;
  for (const [folder, others] of forbidden) {
    for (const [path, imported] of imports) {
      if (!inFolder(folder)(path)) continue;
      const wrong = imported.filter((target) => others.some((other) => inFolder(other)(target)));
      t.same(wrong, [], path);
    }
  }
});

t.test('routes and use cases import neither app.ts, start.ts nor main.ts', async (t) => {
  const importers = (name: string) =>
    [...imports].flatMap(([path, imported]) =>
      imported.some((target) => new RegExp(`^(?:keyserver|secureproxy)/${name}$`).test(target))
        ? [path]
        : [],
    );
  t.same(importers('main\\.ts'), []);
  t.same(importers('start\\.ts'), ['keyserver/main.ts', 'secureproxy/main.ts']);
  t.same(importers('app\\.ts'), [
    'keyserver/start.ts',
    'openapi/from-routes.ts',
    'secureproxy/start.ts',
  ]);
});

t.test('only shared/crypto touches ciphers', async (t) => {
  const ciphers =
    /\b(?:createCipheriv|createDecipheriv|publicEncrypt|privateDecrypt|subtle|createHmac|hkdf(?:Sync)?)\b/;
  const users = sources.filter(({ text }) => ciphers.test(code(text))).map(({ path }) => path);
  t.ok(users.length > 0);
  // The demo's marketplace makes itself a certificate, which no token depends on.
  t.same(
    users.filter((path) => !inFolder('shared/crypto')(path) && path !== 'local/certificate.ts'),
    [],
  );
});

t.test('only mains, shared/process/run.ts and the commands touch the process', async (t) => {
  const allowed =
    /(?:^|\/)main\.ts$|^shared\/process\/run\.ts$|^local\/|^(?:openapi|docs)\/generate\.ts$/;
  // A cluster's `worker.process` is another one, and 'process.pid' a field of the log.
  const ours = /(?<!worker\.|')\bprocess\.\w/;
  const users = sources.filter(
    ({ text }) => ours.test(code(text)) || text.includes("'node:process'"),
  );
  t.ok(users.length > 0);
  t.same(
    users.map(({ path }) => path).filter((path) => !allowed.test(path)),
    [],
  );
});

const everything = [...sources, ...readSources('attack', 'bench')];

t.test('no imports go in a circle, of types neither', async (t) => {
  const edges = everything.map((source) => [source.path, importsOf(source)] as const);
  t.same(circles(new Map(edges)), []);
});

t.test('no folders import each other in a circle', async (t) => {
  const edges = new Map<string, string[]>();
  for (const source of everything) {
    const folder = posix.dirname(source.path);
    const others = importsOf(source)
      .map((target) => posix.dirname(target))
      .filter((other) => other !== folder);
    edges.set(folder, [...new Set([...(edges.get(folder) ?? []), ...others])]);
  }
  t.ok(edges.size > 30, `only ${edges.size} folders were found`);
  t.same(circles(edges), []);
});

t.test('no folder has more than 15 sources, and no root of services more than five', async (t) => {
  const folders = Map.groupBy(everything, ({ path }) => posix.dirname(path));
  for (const [folder, { length }] of folders) t.ok(length <= 15, `${folder} has ${length}`);
  for (const folder of ['shared', 'keyserver', 'secureproxy']) {
    t.ok((folders.get(folder)?.length ?? 0) <= 5, `${folder} itself`);
  }
});

t.test('operations know no shell', async (t) => {
  const importers = [...imports].filter(([path]) => inFolder('keyserver/operations')(path));
  t.ok(importers.length > 5);
  for (const [path, imported] of importers) {
    t.same(imported.filter(inFolder('keyserver/admin')), [], path);
  }
});

function circles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    const at = trail.indexOf(node);
    if (at >= 0) {
      found.push([...trail.slice(at), node].join(' → '));
      return;
    }
    if (done.has(node)) return;
    for (const target of edges.get(node) ?? []) visit(target, [...trail, node]);
    done.add(node);
  };
  for (const node of edges.keys()) visit(node, []);
  return found;
}

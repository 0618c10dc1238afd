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

t.test('no imports go in a circle', async (t) => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      circles.push([...trail.slice(at), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const target of runtimeImports(path)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of paths) visit(path, []);
  t.same(circles, []);
});

/** What a file imports when it runs: `import type` is gone by then. */
function runtimeImports(path: string): string[] {
  const text = sources.find((source) => source.path === path)?.text ?? '';
  return importsOf({ path, text: text.replace(/import type [^;]+;/g, '') });
}

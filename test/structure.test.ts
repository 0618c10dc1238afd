import { posix } from 'node:path';
import t from 'tap';
import tsconfig from '../tsconfig.json' with { type: 'json' };
import { readSources } from './docs/sources.ts';
import { circularImports, fileGraph, folderGraph, importsOf } from './support/import-graph.ts';

/** Folders of the project, and those that each may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  keyserver: ['shared'],
  secureproxy: ['shared'],
  local: ['shared', 'keyserver'],
  openapi: ['shared', 'keyserver', 'secureproxy'],
  docs: ['shared', 'keyserver', 'secureproxy'],
  clients: [],
  attack: ['shared', 'keyserver', 'local', 'test'],
  bench: ['shared', 'keyserver', 'local', 'test'],
};
const services = ['shared', 'keyserver', 'secureproxy'];
const maxInFolder = 15;
const maxAtRoot = 5;

const sources = readSources(...Object.keys(mayImport));
const files = fileGraph(sources);
const top = (path: string) => path.split('/', 1)[0] ?? '';
const isIn = (folder: string, path: string) => path.startsWith(`${folder}/`);
const bySource = (test: (text: string) => boolean) =>
  sources.filter(({ text }) => test(text)).map(({ path }) => path);
/** The source without comments, in which a name may stand. */
const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
/** A cluster's `worker.process` is another one, and 'process.pid' a field of the log. */
const touchesProcess = (text: string) =>
  /(?<!worker\.|')\bprocess\.\w/.test(code(text)) || text.includes("'node:process'");

t.test(
  'no function is assigned to a property where it is written (young-objects.ts)',
  async (t) => {
    const assigned =
      /^\s*[\w.#]+(?:\.#?\w+|\[[^\]]*\]) (?:\?\?|\|\|)?= (?:async )?(?:function\b|(?:\([^()]*\)|\w+) =>)/m;
    t.match('  this.#end = () => {', assigned);
    const old = sources.filter(({ path }) => services.some((folder) => isIn(folder, path)));
    t.same(
      old.filter(({ text }) => assigned.test(text)).map(({ path }) => path),
      [],
    );
  },
);

t.test('the sources and their imports are found', async (t) => {
  const count = [...files.values()].reduce((sum, { size }) => sum + size, 0);
  t.ok(files.size > 250, `${files.size} sources`);
  t.ok(count > 1000, `${count} imports`);
});

t.test('the compiler checks every folder', async (t) => {
  t.same(tsconfig.include.toSorted(), [...Object.keys(mayImport), 'test'].toSorted());
});

t.test(
  'the services never import each other, shared imports neither, nobody the tests',
  async (t) => {
    for (const source of sources) {
      const allowed = [top(source.path), ...(mayImport[top(source.path)] ?? [])];
      const relative = importsOf(source).filter((target) => target.endsWith('.ts'));
      t.same(
        relative.filter((target) => !allowed.includes(top(target))),
        [],
        source.path,
      );
    }
  },
);

t.test('routes and use cases import neither app.ts, start.ts nor main.ts', async (t) => {
  const importers = (name: string) =>
    [...files].flatMap(([path, imported]) =>
      imported.has(`keyserver/${name}`) || imported.has(`secureproxy/${name}`) ? [path] : [],
    );
  t.same(importers('main.ts'), []);
  t.same(importers('start.ts'), ['keyserver/main.ts', 'secureproxy/main.ts']);
  t.same(importers('app.ts'), [
    'keyserver/start.ts',
    'openapi/from-routes.ts',
    'secureproxy/start.ts',
  ]);
});

t.test('no files import each other in a circle, not even by types', async (t) => {
  t.same(circularImports(files), []);
});

t.test('no folders import each other in a circle', async (t) => {
  t.same(circularImports(folderGraph(files)), []);
});

t.test(`no folder has more than ${maxInFolder} sources`, async (t) => {
  const folders = Map.groupBy(files.keys(), posix.dirname);
  const large = [...folders].filter(([, { length }]) => length > maxInFolder);
  t.same(
    large.map(([folder, { length }]) => `${folder}: ${length}`),
    [],
  );
});

t.test(`a service has at most ${maxAtRoot} files at its root`, async (t) => {
  for (const folder of services) {
    const atRoot = [...files.keys()].filter((path) => posix.dirname(path) === folder);
    t.ok(atRoot.length > 0 && atRoot.length <= maxAtRoot, atRoot.join());
  }
});

t.test("operations know no shell: what an operator can do is anybody's to offer", async (t) => {
  const operations = sources.filter(({ path }) => isIn('keyserver/operations', path));
  t.ok(operations.length > 5);
  for (const source of operations) {
    const ofShell = importsOf(source).filter(
      (target) => isIn('keyserver/admin', target) || target === 'commander',
    );
    t.same(ofShell, [], source.path);
    t.notOk(touchesProcess(source.text), source.path);
  }
});

t.test('no source loads TypeBox, which would cost each start a quarter of a second', async (t) => {
  const loads = bySource((text) => /^import (?!type\b)[^;]*from 'typebox/m.test(text));
  t.same(loads, [], 'import from shared/schema');
  t.ok(files.get('shared/policy/schema.ts')?.has('shared/schema/type.ts'));
});

t.test('only shared/crypto touches ciphers', async (t) => {
  const ciphers =
    /\b(?:createCipheriv|createDecipheriv|publicEncrypt|privateDecrypt|subtle|createHmac|hkdf(?:Sync)?)\b/;
  const users = bySource((text) => ciphers.test(code(text)));
  t.ok(users.length > 0);
  // The demo's marketplace makes its own certificate, on which no token depends.
  t.same(
    users.filter((path) => !isIn('shared/crypto', path) && path !== 'local/certificate.ts'),
    [],
  );
});

t.test('only mains, shared/process/run.ts, local and bench touch the process', async (t) => {
  const allowed =
    /(?:^|\/)main\.ts$|^shared\/process\/run\.ts$|^(?:local|bench)\/|^(?:openapi|docs)\/generate\.ts$/;
  const users = bySource(touchesProcess);
  t.ok(users.length > 0);
  t.same(
    users.filter((path) => !allowed.test(path)),
    [],
  );
});

t.test('no comment begins with Who, What or Where: its subject comes first', async (t) => {
  const begins = /^\s*(?:\/\/|\/?\*\*?) *(?:Who|What|Where)\b/m;
  t.match('/** What to do. */', begins);
  const all = [...sources, ...readSources('test')];
  t.same(
    all.filter(({ text }) => begins.test(text)).map(({ path }) => path),
    [],
  );
});

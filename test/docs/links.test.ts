import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import t from 'tap';
import { readSources, root } from './sources.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = ['*.md', '*/*.md', 'docs/**/*.md', 'test/**/*.md'].flatMap((pattern) =>
  globSync(pattern, { cwd: root }),
);

t.test('every link of a page leads to a file, and to a heading of it', async (t) => {
  t.ok(pages.length > 25, `only ${pages.length} pages were found`);
  let anchored = 0;
  for (const page of new Set(pages)) {
    for (const [, link = ''] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : posix.join(posix.dirname(page), path);
      t.ok(existsSync(join(root, target)), `${page}: ${link}`);
      if (anchor === undefined || !existsSync(join(root, target))) continue;
      anchored += 1;
      t.ok(anchorsOf(read(target)).has(anchor), `${page}: ${link} is a heading`);
    }
  }
  t.ok(anchored > 10, `only ${anchored} links name a heading`);
});

t.test('every page that a source names is there', async (t) => {
  const sources = readSources('shared', 'keyserver', 'secureproxy', 'local', 'openapi', 'docs')
    .concat(readSources('attack', 'bench', 'test'))
    .concat(
      ['Dockerfile.*', 'compose.yaml', 'deploy/*', '.ci/*', 'openapi/*.json']
        .flatMap((pattern) => globSync(pattern, { cwd: root, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => posix.relative(root, posix.join(entry.parentPath, entry.name)))
        .map((path) => ({ path, text: read(path) })),
    );
  const named = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/\bdocs\/[\w/-]+\.md/g)].map(([page]) => ({ path, page })),
  );
  t.ok(named.length > 50, `only ${named.length} names were found`);
  for (const { path, page } of named) t.ok(existsSync(join(root, page)), `${path}: ${page}`);
});

/** The text without fenced blocks, where `#` begins a comment. */
function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '');
}

/** Anchors of a page's headings, as GitHub derives them from their text. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#+ (.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n += 1) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

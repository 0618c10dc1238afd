import { posix } from 'node:path';
import type { Source } from '../docs/sources.ts';

/** Files or folders, each with those that it imports. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** The imports of a source, types included: paths from the project's folder, and names of packages. */
export function importsOf({ path, text }: Source): string[] {
  const names = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)];
  return names.map(([, name = '']) =>
    name.startsWith('.') ? posix.join(posix.dirname(path), name) : name,
  );
}

/** The imports among these sources. */
export function fileGraph(sources: readonly Source[]): ImportGraph {
  const paths = new Set(sources.map(({ path }) => path));
  return new Map(
    sources.map((source) => [source.path, new Set(importsOf(source)).intersection(paths)]),
  );
}

/** The same by folders. A folder and one within it are two. */
export function folderGraph(files: ImportGraph): ImportGraph {
  const folders = new Map<string, Set<string>>();
  for (const [path, imported] of files) {
    const folder = posix.dirname(path);
    const others = folders.get(folder) ?? new Set();
    for (const target of imported) others.add(posix.dirname(target));
    others.delete(folder);
    folders.set(folder, others);
  }
  return folders;
}

/** The imports that lie on circles, or on a way from one circle to another; empty if there are none. */
export function circularImports(graph: ImportGraph): string[] {
  const left = new Map([...graph].map(([node, targets]) => [node, new Set(targets)]));
  const isOnTheWay = (node: string) =>
    (left.get(node)?.size ?? 0) > 0 && [...left.values()].some((targets) => targets.has(node));
  for (;;) {
    const outside = [...left.keys()].filter((node) => !isOnTheWay(node));
    if (outside.length === 0) break;
    for (const node of outside) left.delete(node);
    for (const targets of left.values()) for (const node of outside) targets.delete(node);
  }
  return [...left].flatMap(([node, targets]) => [...targets].map((one) => `${node} → ${one}`));
}

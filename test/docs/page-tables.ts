import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './sources.ts';

export const readPage = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The cells of the table below a heading, row by row, without its head. */
export function tableBelow(page: string, heading: string): string[][] {
  const [, below = ''] = `\n${page}`.split(`\n${heading}\n`);
  const [section = ''] = below.split('\n## ');
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => line.replace(/^\| | \|$/g, '').split(' | '));
}

/** The names in a cell that stand in backticks. */
export function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

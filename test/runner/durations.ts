import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FileResult } from './tap-output.ts';

/** Files that take half a minute or more: a run that knows no durations begins with them. */
export const longest = [
  'test/e2e/at-rest-rotation.test.ts',
  'test/keyserver/start.test.ts',
  'test/settings/settings.test.ts',
  'test/e2e/certificate-expiry.test.ts',
  'test/keyserver/admin/killed-take-over.test.ts',
  'test/docs/operations.test.ts',
];
const guess = (file: string) => (longest.includes(file) ? 60 : 3);

/** How long each test file took when it ran last, so that a run begins with what takes longest. */
export class Durations {
  readonly #path: string;
  readonly #seconds: Map<string, number>;

  constructor(path: string) {
    this.#path = path;
    this.#seconds = new Map(Object.entries(readIfThere(path)));
  }

  /** The longest first. */
  longestFirst(groups: readonly string[][]): string[][] {
    return groups.toSorted((a, b) => this.#of(b) - this.#of(a));
  }

  note(results: readonly FileResult[]): void {
    for (const { file, seconds } of results) this.#seconds.set(file, seconds);
  }

  save(): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify(Object.fromEntries(this.#seconds)));
  }

  #of(files: readonly string[]): number {
    return files.reduce((sum, file) => sum + (this.#seconds.get(file) ?? guess(file)), 0);
  }
}

function readIfThere(path: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}

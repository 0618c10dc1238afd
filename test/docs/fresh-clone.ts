import { cpSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';
import { root } from './sources.ts';

const { PATH, HOME, LANG } = process.env;

/** The environment of whoever types commands there: the project's programs, none of its settings. */
export const typistEnvironment = {
  PATH: join(root, 'node_modules/.bin') + delimiter + PATH,
  HOME,
  LANG,
};

/**
 * Makes a `project` like a fresh clone after `npm ci`, so that what a page makes is not left in the
 * project, and an empty `scratch` beside it. Returns the folder of both.
 */
export function freshClone(test: Test): string {
  const folder = test.testdir({ project: {}, scratch: {} });
  const project = join(folder, 'project');
  for (const name of ['package.json', 'docs', 'shared', 'keyserver', 'secureproxy', 'local']) {
    cpSync(join(root, name), join(project, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  return folder;
}

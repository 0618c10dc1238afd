/**
 * `npm run mutate [-- NAME…]`: mutates the sources of every group (or of those whose names begin with NAME), runs
 * the group's tests on each mutant, and prints a table and the survivors. The exit code is 0 only if every group
 * reached the minimum (CONTRIBUTING.md).
 */
import { relative, resolve } from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import { print, runCommand } from '../../local/command.ts';
import type { Group } from './groups.ts';
import { readMutationOptions } from './options.ts';
import { testsVariable } from './tap-in-process.ts';

type Options = ConstructorParameters<typeof Stryker>[0];
type Result = Awaited<ReturnType<Stryker['runMutationTest']>>[number];

const minimumPercent = 90;
const root = resolve(import.meta.dirname, '../..');

process.chdir(root);

function optionsOf({ mutate }: Group): Options {
  return {
    mutate: [...mutate],
    testRunner: 'tap-in-process',
    coverageAnalysis: 'off',
    concurrency: 2,
    // Long enough that a busy machine does not look like a mutant that hangs.
    timeoutMS: 30_000,
    plugins: ['./test/mutation/sentences.ts', './test/mutation/tap-in-process.ts'],
    ignorers: ['sentences'],
    reporters: [],
    logLevel: 'error' as NonNullable<Options['logLevel']>,
    tempDirName: '.stryker-tmp',
    cleanTempDir: 'always',
    // With a tsconfig.json Stryker would use TypeScript's former API, which is gone.
    ignorePatterns: ['.data', '.tap', 'bench', 'openapi', 'tsconfig.json'],
  };
}

/** Mutates one group; true if it reached the minimum. */
async function mutate(group: Group): Promise<boolean> {
  const began = Date.now();
  process.env[testsVariable] = group.tests.join(' ');
  const results = await new Stryker(optionsOf(group)).runMutationTest();
  const count = (...statuses: Result['status'][]) =>
    results.filter(({ status }) => statuses.includes(status)).length;
  const killed = count('Killed', 'Timeout');
  const survivors = results.filter(({ status }) => status === 'Survived');
  const percent = (100 * killed) / (killed + survivors.length);
  print(
    [
      group.name.padEnd(24),
      String(killed).padStart(7),
      String(count('Timeout')).padStart(10),
      String(survivors.length).padStart(9),
      `${percent.toFixed(1)} %`.padStart(8),
      `${Math.round((Date.now() - began) / 1000)} s`.padStart(7),
    ].join(''),
  );
  for (const { fileName, location, mutatorName, replacement } of survivors) {
    const place = `${relative(root, fileName)}:${location.start.line}:${location.start.column}`;
    print(`  ${place} ${mutatorName}: ${replacement?.replaceAll(/\s+/g, ' ')}`);
  }
  return percent >= minimumPercent;
}

await runCommand('mutate', async () => {
  const chosen = readMutationOptions(process.argv.slice(2));
  let met = true;
  print('group                    killed of timeout survived   score   time');
  for (const group of chosen) met = (await mutate(group)) && met;
  print(met ? 'ok' : `below ${minimumPercent} %`);
  return met ? 0 : 1;
});
// Handles that mutants left open would keep the process alive.
process.exit();

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type FileResult, readGroup, readTap } from './tap-output.ts';

/** A generous limit for each file: no test may depend on how fast a machine is. */
const maxSeconds = 900;
const testTimeoutSeconds = 800;
const maxSecondsAfterExit = 5;

/**
 * Runs test files as one process. `coverageFolder` is where it and the processes that it starts leave their
 * coverage.
 */
export async function runFiles(
  root: string,
  files: readonly string[],
  coverageFolder: string | undefined,
): Promise<FileResult[]> {
  const began = performance.now();
  const [first = '', ...more] = files;
  const args = more.length === 0 ? [first] : [join(import.meta.dirname, 'group.ts'), ...files];
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      TAP_TIMEOUT: String(testTimeoutSeconds),
      ...(coverageFolder === undefined ? {} : { NODE_V8_COVERAGE: coverageFolder }),
    },
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), maxSeconds * files.length * 1000);
  const endedWell = await new Promise<boolean>((done) => {
    child.once('error', () => done(false));
    // A process that the files left behind would keep the pipe open.
    child.once('exit', () =>
      setTimeout(() => child.stdout.destroy(), maxSecondsAfterExit * 1000).unref(),
    );
    child.once('close', (code) => done(code === 0));
  });
  clearTimeout(limit);
  if (more.length > 0) return readGroup(files, text, endedWell);
  const seconds = (performance.now() - began) / 1000;
  return [{ file: first, seconds, ...readTap(text, endedWell) }];
}

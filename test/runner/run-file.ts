import { spawn } from 'node:child_process';
import { readTap, type TapResult } from './tap-output.ts';

/** A generous limit: no test may depend on how fast a machine is. */
const maxSeconds = 900;
const testTimeoutSeconds = 400;
const maxSecondsAfterExit = 5;

export interface FileRun extends TapResult {
  readonly file: string;
  readonly seconds: number;
}

/**
 * Runs a test file as a process of its own. `coverageFolder` is where it and the processes that it starts leave
 * their coverage.
 */
export async function runFile(
  root: string,
  file: string,
  coverageFolder: string | undefined,
): Promise<FileRun> {
  const began = performance.now();
  const child = spawn(process.execPath, [file], {
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
  const limit = setTimeout(() => child.kill('SIGKILL'), maxSeconds * 1000);
  const endedWell = await new Promise<boolean>((done) => {
    child.once('error', () => done(false));
    // A process that the file left behind would keep the pipe open.
    child.once('exit', () =>
      setTimeout(() => child.stdout.destroy(), maxSecondsAfterExit * 1000).unref(),
    );
    child.once('close', (code) => done(code === 0));
  });
  clearTimeout(limit);
  return {
    ...readTap(text, endedWell),
    file,
    seconds: (performance.now() - began) / 1000,
  };
}

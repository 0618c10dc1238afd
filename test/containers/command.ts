import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  /** stdout and stderr, interleaved. */
  readonly output: string;
}

/** Runs a program in the project's folder until it ends. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: { stdin?: string; environment?: Readonly<Record<string, string>> } = {},
): Promise<CommandResult> {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...options.environment },
    stdio: 'pipe',
  });
  const stdout: Buffer[] = [];
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk) => {
    stdout.push(chunk);
    output.push(chunk);
  });
  child.stderr.on('data', (chunk) => output.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8');
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, stdout: text(stdout), output: text(output) }));
  });
}

/** Runs `docker`; resolves to its stdout. @throws Error with its output, if it fails */
export async function docker(args: readonly string[], stdin = ''): Promise<string> {
  const { code, stdout, output } = await runCommand('docker', args, { stdin });
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${code}\n${output}`);
  return stdout;
}

/** Builds an image from a Dockerfile of the project, on `nodeImage`. */
export async function buildImage(
  dockerfile: string,
  tag: string,
  nodeImage: string,
): Promise<void> {
  // The engine's own network may not reach the registry; the machine's does.
  const options = ['--network=host', `--build-arg=NODE_IMAGE=${nodeImage}`];
  await docker(['build', ...options, `--file=${dockerfile}`, `--tag=${tag}`, '.']);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, resolve } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { freePort } from '../support/free-port.ts';

const projectFolder = resolve(import.meta.dirname, '../..');

export type LocalPorts = Readonly<Record<'KEYSERVER_PORT' | 'SECUREPROXY_PORT', string>>;

export async function freePorts(): Promise<LocalPorts> {
  const [keyserver, secureproxy] = await Promise.all([freePort(), freePort()]);
  return { KEYSERVER_PORT: String(keyserver), SECUREPROXY_PORT: String(secureproxy) };
}

export interface LocalCommand {
  readonly child: ChildProcess;
  /** Its output so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once stdout has the text; rejects if the command ends without it. */
  readonly said: (text: string) => Promise<void>;
  /** Resolves to the exit code, null if a signal ended it. */
  readonly ended: Promise<number | null>;
}

/**
 * Runs a script of package.json as npm does: by a shell, which alone gets npm's signals, and with
 * the project's own Node first.
 */
export function runLocal(
  script: keyof typeof manifest.scripts,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): LocalCommand {
  const line = `${manifest.scripts[script]} "$@"`;
  const path = resolve(projectFolder, 'node_modules/.bin') + delimiter + process.env.PATH;
  // Without what records coverage: it makes each start dearer, and tests in process cover the sources.
  const { NODE_V8_COVERAGE: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const child = spawn('sh', ['-c', line, 'sh', ...args], {
    cwd: projectFolder,
    env: { ...inherited, PATH: path, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  const said = async (text: string) => {
    while (!stdout.includes(text)) {
      const [more] = await Promise.race([once(child.stdout, 'data'), ended.then(() => [])]);
      if (more === undefined && !stdout.includes(text)) {
        throw new Error(`it ended without "${text}": ${stderr}`);
      }
    }
  };
  return { child, stdout: () => stdout, stderr: () => stderr, said, ended };
}

/** True if something answers on one of the ports. */
export async function anythingAnswers(ports: LocalPorts): Promise<boolean> {
  const answers = await Promise.all(
    Object.values(ports).map((port) =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        () => true,
        () => false,
      ),
    ),
  );
  return answers.includes(true);
}

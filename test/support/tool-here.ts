import { runAdmin } from '../../keyserver/admin/program.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Environment } from '../../shared/settings/config.ts';

export interface ToolCall {
  readonly args: readonly string[];
  readonly environment: Environment;
  /** The working directory; settings may name files relative to it. */
  readonly folder: string;
  readonly stdin: Uint8Array;
}

/** The tool's output, in order. */
export interface ToolRan {
  readonly code: number;
  readonly written: readonly { readonly to: 'stdout' | 'stderr'; readonly text: string }[];
}

/**
 * Runs `keyserver-admin` in this process, since its start takes twenty times as long as its work;
 * `test/keyserver/admin/process.test.ts` runs it as a process. Never two at once: it has one working directory.
 */
export async function runToolHere(call: ToolCall): Promise<ToolRan> {
  const { args, environment, folder, stdin } = call;
  const written: { to: 'stdout' | 'stderr'; text: string }[] = [];
  const here = process.cwd();
  process.chdir(folder);
  try {
    const code = await runAdmin(args, {
      environment,
      folder,
      stdin: (async function* () {
        yield stdin;
      })(),
      stdinIsTerminal: false,
      writeStdout: (text) => void written.push({ to: 'stdout', text }),
      writeStderr: (text) => void written.push({ to: 'stderr', text }),
      clock: systemClock,
    });
    return { code, written };
  } finally {
    process.chdir(here);
  }
}

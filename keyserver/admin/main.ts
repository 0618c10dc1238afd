import { systemClock } from '../../shared/clock.ts';
import { runAdmin } from './program.ts';
import { exitCodes } from './shell/exit-codes.ts';
import { hiddenLines } from './shell/streams/hidden-lines.ts';
import { isNullDevice, writeFully } from './shell/streams/write-fully.ts';

// Node ends without a word if nothing is left to wait for, and a script would take that for success.
process.exitCode = exitCodes.internal;
process.exitCode = await runAdmin(process.argv.slice(2), {
  environment: process.env,
  folder: process.cwd(),
  stdin: process.stdin,
  stdinIsTerminal: process.stdin.isTTY === true,
  hiddenStdin: () => hiddenLines(process.stdin, () => process.kill(process.pid, 'SIGINT')),
  stdoutIsLost: isNullDevice(1),
  stdoutColumns: process.stdout.isTTY ? process.stdout.columns : undefined,
  stderrColumns: process.stderr.isTTY ? process.stderr.columns : undefined,
  writeStdout: (text) => writeFully(1, text),
  writeStderr: (text) => writeFully(2, text),
  clock: systemClock,
});

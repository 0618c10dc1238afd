#!/usr/bin/env node
import { keepCompiledCode } from '../../shared/process/compile-cache.ts';

keepCompiledCode();
// Imported only now, so that the compile cache covers them.
const { systemClock } = await import('../../shared/clock.ts');
const { runAdmin } = await import('./program.ts');
const { writeFully } = await import('./shell/write-fully.ts');

process.exitCode = await runAdmin(process.argv.slice(2), {
  environment: process.env,
  folder: process.cwd(),
  stdin: process.stdin,
  stdinIsTerminal: process.stdin.isTTY === true,
  stderrColumns: process.stderr.isTTY ? process.stderr.columns : undefined,
  writeStdout: (text) => writeFully(1, text),
  writeStderr: (text) => writeFully(2, text),
  clock: systemClock,
});

import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/**
 * Reads the lines that are typed on a terminal from now on up to Ctrl-D, and shows nothing of them. The terminal is raw
 * meanwhile, so that Ctrl-C calls `interrupt`, which ends the process: Node makes the terminal as it was.
 */
export function hiddenLines(
  terminal: ReadStream,
  interrupt: () => void,
): AsyncIterable<Uint8Array> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: terminal, output, terminal: true, historySize: 0 });
  lines.on('SIGINT', interrupt);
  // Paused by `readline` before a job that Ctrl-Z stopped goes on.
  lines.on('SIGCONT', () => lines.resume());
  return bytesOf(lines);
}

async function* bytesOf(lines: Interface): AsyncGenerator<Uint8Array> {
  for await (const line of lines) yield Buffer.from(`${line}\n`);
}

import { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { DestinationStream } from 'pino';
import { forTerminal } from '../shared/log/invisible-characters.ts';
import { prettyLines } from '../shared/log/pretty-log.ts';

/**
 * Returns the destination of a service's output: formatted if `stdout` is a terminal, otherwise unchanged.
 * The service cannot decide this, because it writes to a pipe. Each service needs its own destination, since
 * lines may arrive in pieces.
 */
export function logOutput(stdout: NodeJS.WriteStream): Writable {
  const pretty = stdout.isTTY ? prettyLines(stdout) : undefined;
  return pretty ? new LogOutput(stdout, pretty) : stdout;
}

/** Writes lines of JSON to `pretty`, and all others to `plain`. */
export class LogOutput extends Writable {
  readonly #plain: DestinationStream;
  readonly #pretty: DestinationStream;
  readonly #decoder = new StringDecoder('utf8');
  #partialLine = '';

  constructor(plain: DestinationStream, pretty: DestinationStream) {
    super();
    this.#plain = plain;
    this.#pretty = pretty;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const lines = (this.#partialLine + this.#decoder.write(chunk)).split('\n');
    this.#partialLine = lines.pop() ?? '';
    for (const line of lines) this.#show(line);
    done();
  }

  #show(line: string): void {
    try {
      this.#pretty.write(line);
    } catch {
      // Not JSON, for example Node's own output at a crash.
      this.#plain.write(`${forTerminal(line)}\n`);
    }
  }
}

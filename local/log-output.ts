import { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { DestinationStream } from 'pino';
import { forTerminal } from '../shared/log/invisible-characters.ts';
import { prettyLines } from '../shared/log/pretty-log.ts';

/**
 * Where a service's output goes: to a terminal in a form for people, elsewhere as it is. The service
 * itself writes to a pipe and so cannot tell. One for each service, since lines may come in pieces.
 */
export function logOutput(stdout: NodeJS.WriteStream): Writable {
  const pretty = stdout.isTTY ? prettyLines(stdout) : undefined;
  return pretty ? new LogOutput(stdout, pretty) : stdout;
}

/** Gives lines of JSON to `pretty`, and all others to `plain`. */
export class LogOutput extends Writable {
  readonly #plain: DestinationStream;
  readonly #pretty: DestinationStream;
  readonly #decoder = new StringDecoder('utf8');
  #begun = '';

  constructor(plain: DestinationStream, pretty: DestinationStream) {
    super();
    this.#plain = plain;
    this.#pretty = pretty;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const lines = (this.#begun + this.#decoder.write(chunk)).split('\n');
    this.#begun = lines.pop() ?? '';
    for (const line of lines) this.#show(line);
    done();
  }

  #show(line: string): void {
    try {
      this.#pretty.write(line);
    } catch {
      // No JSON: what Node itself says at a crash.
      this.#plain.write(`${forTerminal(line)}\n`);
    }
  }
}

import { Writable } from 'node:stream';

const newline = 0x0a;

/** Reads a service's log as a collector would, and only counts its lines. */
export class LineSink extends Writable {
  lines = 0;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) {
      this.lines += 1;
    }
    done();
  }
}

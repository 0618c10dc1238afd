import { Writable } from 'node:stream';

/** A line of a service's log, as parsed from JSON. */
export type LogLine = Readonly<Record<string, unknown>>;

/** Keeps all that a service prints, on stdout and stderr, over all of its runs. */
export class ServiceOutput extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  /** The log's lines so far; what is no JSON is left out. */
  lines(): LogLine[] {
    return this.text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine];
      } catch {
        return [];
      }
    });
  }

  /** The lines that have all of these members. */
  linesWith(members: LogLine): LogLine[] {
    return this.lines().filter((line) =>
      Object.entries(members).every(([name, value]) => line[name] === value),
    );
  }
}

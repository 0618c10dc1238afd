import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenRow } from '../../store/store.ts';
import { inputInvalid } from '../operation-error.ts';
import { readLines } from './lines.ts';
import { maxSealedLineBytes, sealedLine, sealedRow } from './sealed-line.ts';
import { TextBuffer } from './text-buffer.ts';

/**
 * Sealed rows in a nameless file of the temporary folder, so that any number of them is judged before one is stored,
 * whatever happens to their source meanwhile. It is gone when the process ends.
 */
export class Spool {
  readonly #file: FileHandle;
  readonly #buffer: TextBuffer;
  /** Numbers of rows and of bytes, whether they are in the file yet or not. */
  rows = 0;
  bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
    this.#buffer = new TextBuffer((text) => inTemporaryFolder(() => file.appendFile(text)));
  }

  /** @throws OperationError input_invalid if the temporary folder cannot be written */
  static async open(): Promise<Spool> {
    const path = join(tmpdir(), `sealed-rows-${randomUUID()}`);
    return inTemporaryFolder(async () => {
      const file = await open(path, 'wx+', 0o600);
      await rm(path);
      return new Spool(file);
    });
  }

  /** @throws OperationError input_invalid if there is no room */
  async add(row: TokenRow): Promise<void> {
    const line = sealedLine(row);
    this.rows += 1;
    this.bytes += Buffer.byteLength(line);
    await this.#buffer.write(line);
  }

  /** All rows in their order, in batches of at most `maxRows` and about `maxBytes`. */
  async *batches(maxRows: number, maxBytes: number): AsyncGenerator<TokenRow[]> {
    await this.#buffer.flush();
    const source = this.#file.createReadStream({ start: 0, autoClose: false });
    let batch: TokenRow[] = [];
    let size = 0;
    for await (const { bytes } of readLines(source, maxSealedLineBytes)) {
      const row = bytes && sealedRow(JSON.parse(bytes.toString('utf8')));
      if (row === undefined) throw new TypeError('the spool has another form than it was given');
      batch.push(row);
      size += bytes?.length ?? 0;
      if (batch.length < maxRows && size < maxBytes) continue;
      yield batch;
      batch = [];
      size = 0;
    }
    if (batch.length > 0) yield batch;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function inTemporaryFolder<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw inputInvalid(
      `cannot write to the temporary folder ${tmpdir()} (${(error as NodeJS.ErrnoException).code})`,
      'sealed rows wait there until all are judged: name a folder with room in TMPDIR',
    );
  }
}

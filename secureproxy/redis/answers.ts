/** An answer in Redis' protocol (RESP 2); an error of Redis is one, too. */
export type RedisAnswer = RedisScalar | readonly RedisScalar[];
type RedisScalar = string | number | null | Error;

/** No answer to a script is longer, whatever listens at the port. */
export const maxAnswerBytes = 16_384;
const maxItems = 1000;
/** Characters of an error, for the log. */
const maxToldLength = 200;
const nothing = Buffer.alloc(0);

/** A value and the offset behind it. */
type Read<T> = readonly [T, number] | undefined;

/** Reads answers from bytes as they come, and holds no more than {@link maxAnswerBytes} of one that is not complete. */
export class AnswerReader {
  #rest: Buffer = nothing;

  /** Returns the answers that end in these bytes. @throws Error if what follows is none, or none of ours */
  read(bytes: Buffer): RedisAnswer[] {
    const all = Buffer.concat([this.#rest, bytes]);
    const answers: RedisAnswer[] = [];
    let at = 0;
    for (let read = answerAt(all, at); read !== undefined; read = answerAt(all, at)) {
      answers.push(read[0]);
      at = read[1];
    }
    // A copy, since a part would keep all of it.
    this.#rest = Buffer.from(all.subarray(at));
    if (this.#rest.length > maxAnswerBytes) throw new Error('Redis answers without an end');
    return answers;
  }
}

function answerAt(bytes: Buffer, at: number): Read<RedisAnswer> {
  if (bytes[at] !== 0x2a) return scalarAt(bytes, at);
  const count = lengthAt(bytes, at + 1, maxItems);
  if (count === undefined) return undefined;
  let [left, end] = count;
  if (left < 0) return [null, end];
  const items: RedisScalar[] = [];
  for (; left > 0; left -= 1) {
    const item = scalarAt(bytes, end);
    if (item === undefined) return undefined;
    items.push(item[0]);
    end = item[1];
  }
  return [items, end];
}

function scalarAt(bytes: Buffer, at: number): Read<RedisScalar> {
  if (at >= bytes.length) return undefined;
  const type = String.fromCharCode(bytes[at] ?? 0);
  if (type === '$') return textAt(bytes, at + 1);
  if (!'+-:'.includes(type)) throw new Error('Redis answers what is no answer to a script');
  const line = lineAt(bytes, at + 1);
  if (line === undefined) return undefined;
  const [text, end] = line;
  if (type === ':') return [Number(text), end];
  return [type === '-' ? new Error(`Redis says ${text.slice(0, maxToldLength)}`) : text, end];
}

function textAt(bytes: Buffer, at: number): Read<string | null> {
  const length = lengthAt(bytes, at, maxAnswerBytes);
  if (length === undefined) return undefined;
  const [size, start] = length;
  if (size < 0) return [null, start];
  const end = start + size + 2;
  return end > bytes.length ? undefined : [bytes.toString('utf8', start, end - 2), end];
}

function lengthAt(bytes: Buffer, at: number, max: number): Read<number> {
  const line = lineAt(bytes, at);
  if (line === undefined) return undefined;
  const length = /^(?:-1|\d+)$/.test(line[0]) ? Number(line[0]) : NaN;
  if (!(length <= max)) throw new Error('Redis answers more than a script does');
  return [length, line[1]];
}

function lineAt(bytes: Buffer, at: number): Read<string> {
  const end = bytes.indexOf('\r\n', at);
  return end < 0 ? undefined : [bytes.toString('utf8', at, end), end + 2];
}

import { Lookahead } from './body-filter.ts';
import { JsonScanner, literalBytes } from './json-scanner.ts';
import { isAlphanumeric } from './search/anchors.ts';
import type { AcceptEnd, NameMatcher } from './search/name-matcher.ts';
import { redacted } from './search/secret-forms.ts';

const quote = 0x22;
const underscore = 0x5f;
const redactedValue = Buffer.from(`"${redacted}"`);
/** UTF-8 byte order mark, which some servers put before JSON. */
const byteOrderMark = [0xef, 0xbb, 0xbf];

const endsName = (bytes: Uint8Array, end: number) => bytes[end] === quote;
/** For a mention within another member's name, but not at its end: `next_token` is no `token`. */
const endsWordWithin = (bytes: Uint8Array, end: number) =>
  !endsName(bytes, end) && endsWord(bytes, end);
const endsWord = (bytes: Uint8Array, end: number) => {
  const next = bytes[end] ?? quote;
  return next !== underscore && !isAlphanumeric(next);
};

/**
 * Redacts credentials that the upstream has just issued, by the names of their members. In JSON, the
 * member's value of any type is replaced. If a name occurs in other text (a form, a page, a JSON
 * string), the rest of that text is left out.
 */
export class MemberFilter extends Lookahead {
  readonly #names: NameMatcher;
  readonly #json = new JsonScanner();
  #mode: 'unknown' | 'json' | 'text' | 'cut' = 'unknown';
  /** The next value is to be replaced. */
  #isNamed = false;
  /** The part being left out: a value, until its depth is reached again; a scalar; or the rest of a string. */
  #skipping: 'value' | 'scalar' | 'rest' | undefined;
  #skippedDepth = 0;
  /** Condition for the end of a name that is mentioned in the current string; undefined outside of strings. */
  #mention: AcceptEnd | undefined;
  #pieces: Buffer[] = [];
  /** Offset from which on the current bytes are kept. */
  #kept = 0;

  constructor(names: NameMatcher) {
    // The opening quote, the name and the byte that follows it.
    super(Math.max(names.maxBytes + 2, literalBytes));
    this.#names = names;
  }

  protected override judge(bytes: Buffer, count: number): Buffer {
    this.#pieces = [];
    this.#kept = 0;
    let at = 0;
    while (at < count && this.#mode === 'unknown') at = this.#begin(bytes, at);
    while (at < count && this.#mode === 'json') {
      if (this.#json.isInString) at = this.#skipPlain(bytes, at, count);
      if (at === count) break;
      this.#readJson(bytes, at);
      if (this.#mode === 'json') at++;
    }
    if (this.#mode === 'text') this.#readText(bytes, at, count);
    if (this.#mode !== 'cut' && this.#skipping === undefined) this.#keepUntil(bytes, count);
    return this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
  }

  /** Recognizes JSON by its first byte, since the content type is only the upstream's claim. */
  #begin(bytes: Buffer, at: number): number {
    const byte = bytes[at] as number;
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || byteOrderMark.includes(byte)) {
      return at + 1;
    }
    this.#mode = byte === 0x7b || byte === 0x5b ? 'json' : 'text';
    return at;
  }

  /** Passes bytes of a string that are neither its end nor the begin of a name or an escape. */
  #skipPlain(bytes: Buffer, from: number, to: number): number {
    let at = from;
    const { mayBegin } = this.#names;
    for (; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte < 0x20 || byte === quote || mayBegin[byte] === 1) break;
    }
    return at;
  }

  #readJson(bytes: Buffer, at: number): void {
    const event = this.#json.next(bytes, at);
    if (this.#skipping === 'scalar' && event !== 'inside') this.#resume(at);
    switch (event) {
      case 'invalid':
        // Not JSON after all: as in other text, nothing may follow a name.
        if (this.redactions > 0 || this.#isNamed) this.#cut(bytes, at);
        else this.#mode = 'text';
        return;
      case 'name':
        this.#mention = endsWordWithin;
        if (this.#skipping === undefined) {
          this.#isNamed = this.#names.end(bytes, at + 1, endsName) >= 0;
        }
        return;
      case 'open':
      case 'text':
      case 'scalar':
        this.#mention = event === 'text' ? endsWord : undefined;
        if (this.#isNamed) this.#skipValue(bytes, at, event);
        return;
      case 'inside':
        if (this.#skipping === undefined) this.#readInText(bytes, at);
        return;
      case 'nameEnd':
      case 'textEnd':
        this.#mention = undefined;
        if (this.#skipping === 'rest') this.#resume(at);
        else this.#valueEnded(at);
        return;
      case 'close':
        this.#valueEnded(at);
        return;
    }
  }

  #skipValue(bytes: Buffer, at: number, event: 'open' | 'text' | 'scalar'): void {
    this.#isNamed = false;
    this.#leaveOut(bytes, at, redactedValue);
    this.#skipping = event === 'scalar' ? 'scalar' : 'value';
    this.#skippedDepth = this.#json.depth - (event === 'open' ? 1 : 0);
  }

  #valueEnded(at: number): void {
    if (this.#skipping === 'value' && this.#json.depth === this.#skippedDepth) this.#resume(at + 1);
  }

  #readInText(bytes: Buffer, at: number): void {
    if (this.#mention === undefined || this.#names.end(bytes, at, this.#mention) < 0) return;
    this.#leaveOut(bytes, at, redacted);
    this.#skipping = 'rest';
  }

  #readText(bytes: Buffer, from: number, to: number): void {
    let at = this.#names.find(bytes, from, to);
    while (at >= 0 && this.#names.end(bytes, at, endsWord) < 0) {
      at = this.#names.find(bytes, at + 1, to);
    }
    if (at >= 0) this.#cut(bytes, at);
  }

  #cut(bytes: Buffer, at: number): void {
    if (this.#skipping === undefined) this.#leaveOut(bytes, at, redacted);
    this.#mode = 'cut';
  }

  #leaveOut(bytes: Buffer, at: number, mark: Buffer): void {
    this.#keepUntil(bytes, at);
    this.#pieces.push(mark);
    this.redactions++;
  }

  #resume(at: number): void {
    this.#skipping = undefined;
    this.#kept = at;
  }

  #keepUntil(bytes: Buffer, at: number): void {
    if (at > this.#kept) this.#pieces.push(bytes.subarray(this.#kept, at));
  }
}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

/** Deeper texts are not taken as JSON, since each open value takes memory. */
const maxDepth = 512;
const literals = ['true', 'false', 'null'].map((text) => Buffer.from(text));
/** Number of bytes, from `at` on, that {@link JsonScanner.next} may read. */
export const literalBytes = 5;

/** Role of a byte in a JSON text. `name` and `text` are the opening quotes of a member's name and of a string value. */
export type JsonEvent =
  | 'name'
  | 'nameEnd'
  | 'text'
  | 'textEnd'
  | 'open'
  | 'close'
  | 'scalar'
  | 'inside'
  | 'between'
  | 'invalid';

type Expected = 'value' | 'name' | 'colon' | 'comma';
type Token = 'none' | 'name' | 'text' | 'number' | 'literal';

/**
 * Scans a JSON text (RFC 8259), or several in a row, byte by byte in bounded memory. Strict: another
 * parser must not see a member that this one does not see.
 */
export class JsonScanner {
  /** The open objects (true) and arrays (false). */
  readonly #open: boolean[] = [];
  #expected: Expected = 'value';
  /** Whether the object or array may end here: at its start, or behind a value of it. */
  #mayEnd = false;
  #token: Token = 'none';
  #isEscaped = false;
  #literalLeft = 0;

  get depth(): number {
    return this.#open.length;
  }

  /** Whether {@link next} may be left out for bytes other than quotes, backslashes and control characters. */
  get isInString(): boolean {
    return (this.#token === 'text' || this.#token === 'name') && !this.#isEscaped;
  }

  /** Returns the role of the byte at `at`; call it for each byte in turn, and never after `invalid`. */
  next(bytes: Uint8Array, at: number): JsonEvent {
    const byte = bytes[at] as number;
    switch (this.#token) {
      case 'name':
      case 'text':
        return this.#inString(byte, this.#token);
      case 'literal':
        if (--this.#literalLeft === 0) this.#token = 'none';
        return 'inside';
      case 'number':
        if (isOfNumber(byte)) return 'inside';
        this.#token = 'none';
        return this.#between(bytes, at, byte);
      case 'none':
        return this.#between(bytes, at, byte);
    }
  }

  #inString(byte: number, token: 'name' | 'text'): JsonEvent {
    if (byte < 0x20) return 'invalid';
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) {
      this.#token = 'none';
      return token === 'name' ? 'nameEnd' : 'textEnd';
    }
    return 'inside';
  }

  #between(bytes: Uint8Array, at: number, byte: number): JsonEvent {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return 'between';
    const isObject = this.#open.at(-1) === true;
    if (this.#mayEnd && byte === (isObject ? closeBrace : closeBracket)) {
      this.#open.pop();
      this.#afterValue();
      return 'close';
    }
    this.#mayEnd = false;
    switch (this.#expected) {
      case 'value':
        return this.#value(bytes, at, byte);
      case 'name':
        if (byte !== quote) return 'invalid';
        this.#token = 'name';
        this.#expected = 'colon';
        return 'name';
      case 'colon':
        if (byte !== colon) return 'invalid';
        this.#expected = 'value';
        return 'between';
      case 'comma':
        if (byte !== comma) return 'invalid';
        this.#expected = isObject ? 'name' : 'value';
        return 'between';
    }
  }

  #value(bytes: Uint8Array, at: number, byte: number): JsonEvent {
    if (byte === openBrace || byte === openBracket) {
      if (this.#open.length === maxDepth) return 'invalid';
      this.#open.push(byte === openBrace);
      this.#expected = byte === openBrace ? 'name' : 'value';
      this.#mayEnd = true;
      return 'open';
    }
    this.#afterValue();
    if (byte === quote) {
      this.#token = 'text';
      return 'text';
    }
    if (byte === 0x2d || isDigit(byte)) {
      this.#token = 'number';
      return 'scalar';
    }
    const literal = literals.find((one) => one.every((each, i) => bytes[at + i] === each));
    if (literal === undefined) return 'invalid';
    this.#token = 'literal';
    this.#literalLeft = literal.length - 1;
    return 'scalar';
  }

  #afterValue(): void {
    this.#mayEnd = this.#open.length > 0;
    this.#expected = this.#mayEnd ? 'comma' : 'value';
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Loose, since a number ends at the same byte whether it is well-formed or not. */
function isOfNumber(byte: number): boolean {
  return isDigit(byte) || byte === 0x2e || byte === 0x2b || byte === 0x2d || (byte | 0x20) === 0x65;
}

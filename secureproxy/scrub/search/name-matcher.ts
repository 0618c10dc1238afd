import { EscapeFinder, isInRow } from './escape-finder.ts';
import { FormMatcher, type Text } from './form-matcher.ts';
import { introducers, isIntroducer } from './readings.ts';
import { exactForm, type SecretForm } from './secret-forms.ts';

/** Decides whether a name may end before the byte at `end`. */
export type AcceptEnd = (bytes: Uint8Array, end: number) => boolean;

const plus = 0x2b;
const anywhere: AcceptEnd = () => true;

/** Finds names of members, each byte of them escaped or not. */
export class NameMatcher {
  readonly maxBytes: number;
  /** 1 for bytes with which a name may begin, which most bytes of most texts are not. */
  readonly mayBegin = new Uint8Array(256);
  readonly #matchers: readonly FormMatcher[];
  readonly #escapes: EscapeFinder;

  constructor(names: readonly string[]) {
    this.#matchers = names.map((name) => new FormMatcher(exactForm(name)));
    this.maxBytes = Math.max(...this.#matchers.map(({ maxBytes }) => maxBytes));
    for (const byte of introducers) this.mayBegin[byte] = 1;
    for (const { form } of this.#matchers) this.mayBegin[form.bytes[0] as number] = 1;
    this.#escapes = new EscapeFinder(Buffer.from(names.join('')), false);
  }

  /** Offset of the next name that begins in `[from, to)`; -1 if there is none. */
  find(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      if (this.mayBegin[bytes[at] as number] === 1 && this.end(bytes, at) >= 0) return at;
    }
    return -1;
  }

  /** End of the longest name that begins at `at`; -1 if there is none. */
  end(bytes: Buffer, at: number, accept = anywhere): number {
    let longest = -1;
    if (this.mayBegin[bytes[at] as number] === 0 || isInRow(bytes, at)) return longest;
    for (const matcher of this.#matchers) {
      if (!this.#mayBe(bytes, at, matcher.form)) continue;
      const text: Text = { bytes, isLast: true, steps: { taken: 0, max: Infinity } };
      const span = matcher.around(text, at, 0);
      if (span === undefined || span === 'open' || !accept(bytes, span.end)) continue;
      longest = Math.max(longest, span.end);
    }
    return longest;
  }

  /** A quick test: whether a text agrees with a form until it ends or something is escaped. */
  #mayBe(bytes: Buffer, from: number, { bytes: wanted }: SecretForm): boolean {
    let i = 0;
    while (i < wanted.length && bytes[from + i] === wanted[i]) i++;
    const next = bytes[from + i];
    if (i === wanted.length || next === plus) return true;
    return isIntroducer(next) && this.#escapes.isAt(bytes, from + i);
  }
}

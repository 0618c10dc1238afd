import { FormMatcher } from './form-matcher.ts';
import { isIntroducer } from './readings.ts';
import { exactForm } from './secret-forms.ts';

/** Decides whether a name may end before the byte at `end`. */
export type AcceptEnd = (bytes: Uint8Array, end: number) => boolean;

const anywhere: AcceptEnd = () => true;

/** Finds names of members, each byte of them escaped or not. */
export class NameMatcher {
  /** Maximum length of a spelled name, in bytes. */
  readonly maxBytes: number;
  readonly #matchers: readonly FormMatcher[];
  readonly #mayBegin = new Uint8Array(256);

  constructor(names: readonly string[]) {
    this.#matchers = names.map((name) => new FormMatcher(exactForm(name)));
    this.maxBytes = Math.max(...this.#matchers.map(({ maxBytes }) => maxBytes));
    for (let byte = 0; byte < 256; byte++) if (isIntroducer(byte)) this.#mayBegin[byte] = 1;
    for (const { form } of this.#matchers) this.#mayBegin[form.bytes[0] as number] = 1;
  }

  /** Offset of the next name that begins in `[from, to)`; -1 if there is none. */
  find(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) if (this.end(bytes, at) >= 0) return at;
    return -1;
  }

  /** End of the longest name that begins at `at`; -1 if there is none. */
  end(bytes: Uint8Array, at: number, accept = anywhere): number {
    if (this.#mayBegin[bytes[at] as number] === 0) return -1;
    let longest = -1;
    for (const matcher of this.#matchers) {
      const span = matcher.around(bytes, at, 0, true);
      if (span === undefined || span === 'open' || !accept(bytes, span.end)) continue;
      longest = Math.max(longest, span.end);
    }
    return longest;
  }
}

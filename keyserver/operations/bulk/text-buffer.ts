const writeChars = 262_144;

/** Collects text and hands on larger pieces. */
export class TextBuffer {
  #pieces: string[] = [];
  #chars = 0;
  readonly #flush: (text: string) => Promise<void>;

  constructor(flush: (text: string) => Promise<void>) {
    this.#flush = flush;
  }

  async write(text: string): Promise<void> {
    this.#pieces.push(text);
    this.#chars += text.length;
    if (this.#chars >= writeChars) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#pieces.join('');
    this.#pieces = [];
    this.#chars = 0;
    if (text !== '') await this.#flush(text);
  }
}

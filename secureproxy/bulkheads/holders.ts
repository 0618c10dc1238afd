/** An app, a client or an origin: the calls that it has in progress, and those that wait for their place. */
export class Holder {
  held = 0;
  waiting = 0;
}

/** Above this, a new holder evicts those without a call. */
const maxIdle = 1000;

/** Holders by name, made when they are first asked for. */
export class Holders<T extends Holder> {
  readonly #make: () => T;
  readonly #byName = new Map<string, T>();

  constructor(make: () => T) {
    this.#make = make;
  }

  get(name: string): T {
    let holder = this.#byName.get(name);
    if (holder === undefined) {
      if (this.#byName.size >= maxIdle) this.#evictIdle();
      holder = this.#make();
      this.#byName.set(name, holder);
    }
    return holder;
  }

  /** Those with calls in progress or waiting, by name. */
  *busy(): Generator<readonly [name: string, holder: T]> {
    for (const entry of this.#byName) if (entry[1].held + entry[1].waiting > 0) yield entry;
  }

  #evictIdle(): void {
    for (const [name, { held, waiting }] of this.#byName) {
      if (held + waiting === 0) this.#byName.delete(name);
    }
  }
}

/** An origin, with those who have calls to it. */
export class Origin extends Holder {
  /** Of the latest call, as its claim has it. */
  wildcard: string | undefined;
  readonly apps = new Holders(() => new Holder());
  readonly clients = new Holders(() => new Holder());
}

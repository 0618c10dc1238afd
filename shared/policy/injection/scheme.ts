import type { Static, TLiteral, TObject } from '../../schema/type.ts';
import type { Fields, Template } from './template.ts';

export interface Injected {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly query: readonly (readonly [name: string, value: string])[];
}

/** Names of headers and query parameters, as the type spells them. */
export interface InjectedNames {
  readonly headers: string[];
  readonly query: string[];
}

/** The request as it is sent, but for the additions of the injection itself. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: Readonly<Pick<URL, 'href' | 'origin' | 'pathname' | 'search'>>;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer | null;
}

/** The additions to every request, or a function that makes those to one request, such as a signature. */
export type PreparedInjection = Injected | ((request: OutgoingRequest) => Injected);

/** Two texts that an operator writes with a separator between. */
export type Pair = readonly [first: string, second: string];
type Read<Injection> = Injection | { readonly fault: string };

/** How an operator writes an injection: as one pair, or as a list of pairs whose first texts differ. */
export type Notation<Injection> = {
  /** Lower-case words with `-` between. */
  readonly name: string;
  readonly placeholder: string;
  /** A pair in words: `Name: template`. */
  readonly form: string;
  readonly example: string;
  /** Its first occurrence divides a pair. */
  readonly separator: ':' | '=';
} & (
  | { readonly isList: false; read(pair: Pair): Read<Injection> }
  | { readonly isList: true; read(pairs: readonly Pair[]): Read<Injection> }
);

/** A policy's `injection` has its scheme's name in `scheme`. */
type SchemeSchema = TObject<{ scheme: TLiteral<string> }>;

/**
 * A way to put a secret on a request. Its functions are pure; `inject`, `faults` and `secrets` may
 * rely on every field being there.
 */
export interface Scheme<Schema extends SchemeSchema = SchemeSchema> {
  readonly schema: Schema;
  readonly notation: Notation<Static<Schema>>;
  /** All of the templates, whose placeholders name the fields that a secret must have. */
  templates(injection: Static<Schema>): readonly Template[];
  /** The names of the additions, which no caller may set, double or suppress. */
  names(injection: Static<Schema>): InjectedNames;
  /** Why no field may have this value, as the end of a sentence without the value. */
  valueFault(value: string): string | undefined;
  /**
   * Faults of the filled templates, a sentence each, without any value. `fields` has every field,
   * with values that pass {@link valueFault}, or stand-ins when the type is defined.
   */
  faults(injection: Static<Schema>, fields: Fields): readonly string[];
  /** Called once per release. */
  inject(injection: Static<Schema>, fields: Fields): PreparedInjection;
  /** Texts made of the fields that are as secret as these, such as a credential before it is encoded. */
  secrets(injection: Static<Schema>, fields: Fields): readonly string[];
  /** The injection in one line, templates unfilled. */
  describe(injection: Static<Schema>): string;
}

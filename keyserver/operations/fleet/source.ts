import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import { controls } from '../../../shared/names.ts';
import { inputInvalid, type OperationError } from '../operation-error.ts';

/** Names of members and indices of elements, from the outermost value inwards. */
export type Path = readonly string[];

/** A fault of a file: at a member's name, or at its value. */
export interface SourceFault {
  readonly path: Path;
  readonly at: 'name' | 'value';
  readonly text: string;
}

/** Far beyond a fleet, and small enough to be parsed at once. */
const maxChars = 16 * 1024 * 1024;
/** More would not be read. */
const maxFaults = 20;

/** A YAML or JSON file, with the places of its values. */
export class Source {
  /** The parsed file, of unknown form. */
  readonly value: unknown;
  readonly #name: string;
  readonly #lines: LineCounter;
  readonly #document: ReturnType<typeof parseDocument>;

  /** @throws OperationError input_invalid if it is neither YAML nor JSON */
  constructor(name: string, text: string) {
    this.#name = name;
    if (text.length > maxChars) {
      throw inputInvalid(`${name} has more than ${maxChars} characters`, 'divide it');
    }
    this.#lines = new LineCounter();
    // A pretty error would quote the line, which may have a misplaced secret.
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      // Tags such as !!set make values that have no members, and so would pass for empty ones.
      resolveKnownTags: false,
    });
    const faults = [...this.#document.errors, ...this.#document.warnings];
    if (faults.length > 0) {
      throw this.#invalid(faults.map(({ message, pos }) => `${this.#place(pos[0])}: ${message}`));
    }
    this.value = this.#toValue();
  }

  #toValue(): unknown {
    try {
      return this.#document.toJS();
    } catch {
      // Aliases of nothing, or aliases of aliases, which would become huge.
      const stray = this.#strayAlias();
      throw this.#invalid([
        stray === undefined
          ? `${this.#name}: its aliases are too many`
          : `${this.#place(stray.range?.[0] ?? 0)}: *${stray.source} is read as an alias of nothing: quote it`,
      ]);
    }
  }

  #strayAlias(): Alias | undefined {
    const anchors = new Set<string>();
    let stray: Alias | undefined;
    visit(this.#document, {
      Node: (_, node) => {
        if (isAlias(node) && !anchors.has(node.source)) stray ??= node;
        if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
      },
    });
    return stray;
  }

  /** @throws OperationError input_invalid if there are faults */
  check(faults: readonly SourceFault[]): void {
    if (faults.length === 0) return;
    throw this.#invalid(faults.map((fault) => `${this.#placeOf(fault)}: ${worded(fault)}`));
  }

  /** Names in maps that are no text, such as `012`: read as numbers they would be other names. */
  unquotedNames(): SourceFault[] {
    const faults: SourceFault[] = [];
    const visit = (node: unknown, path: Path) => {
      if (!isMap(node)) return;
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : '';
        if (!isScalar(key) || typeof key.value !== 'string') {
          const text = 'is read as another value than a text: quote it';
          faults.push({ path: [...path, name], at: 'name', text });
        }
        visit(value, [...path, name]);
      }
    };
    visit(this.#document.contents, []);
    return faults;
  }

  #placeOf({ path, at }: SourceFault): string {
    return this.#place(at === 'name' ? this.#startOfName(path) : this.#startOfValue(path));
  }

  #startOfValue(path: Path): number {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = this.#document.getIn(path.slice(0, length), true);
      const start = (node as { range?: readonly number[] } | undefined)?.range?.[0];
      if (start !== undefined) return start;
    }
    return 0;
  }

  #startOfName(path: Path): number {
    const map = this.#document.getIn(path.slice(0, -1), true);
    const pairs: readonly Pair[] = isMap(map) ? map.items : [];
    const named = pairs.find(({ key }) => isScalar(key) && String(key.value) === path.at(-1));
    return isScalar(named?.key) ? (named.key.range?.[0] ?? 0) : this.#startOfValue(path);
  }

  #place(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#name}:${line}:${col}`;
  }

  #invalid(faults: readonly string[]): OperationError {
    const shown = faults.slice(0, maxFaults);
    const rest = faults.length - shown.length;
    return inputInvalid(
      faults.length === 1
        ? `${faults[0]}`
        : `${this.#name} has ${faults.length} faults:\n  - ${shown.join('\n  - ')}${rest > 0 ? `\n  - and ${rest} more` : ''}`,
      { do: 'see_fleet_format' },
    );
  }
}

/** `apps.reports.grants[0] must be …`, in one line whatever the names are. */
function worded({ path, text }: SourceFault): string {
  const [first = '', ...rest] = path.map((name) =>
    controls.test(name) ? JSON.stringify(name) : name,
  );
  const place = rest
    .map((part, depth) => (depth > 0 && /^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('');
  const isSentence = text.startsWith(':');
  return `${first}${place}${first === '' || isSentence ? '' : ' '}${text}`;
}

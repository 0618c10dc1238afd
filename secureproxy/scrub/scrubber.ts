import type { IncomingHttpHeaders } from 'node:http';
import { nextBatch } from '../../shared/event-loop.ts';
import { memoize } from '../../shared/memoize.ts';
import { secretTexts } from '../../shared/policy/injection/injection.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import type { BodyFilter } from './body-filter.ts';
import { MemberFilter } from './member-filter.ts';
import { isAlphanumeric } from './search/anchors.ts';
import { NameMatcher } from './search/name-matcher.ts';
import { type SecretForm, secretForms } from './search/secret-forms.ts';
import { SecretSearch } from './search/secret-search.ts';
import { SecretFilter } from './secret-filter.ts';

const sliceBytes = 16 * 1024;

/** Redacts the answers to one token's calls (docs/protocol.md §8). */
export class Scrubber {
  readonly #secrets: SecretSearch | undefined;
  readonly #forms: readonly SecretForm[];
  readonly #shortest: number;
  #folded: SecretSearch | undefined;
  readonly #members: NameMatcher | undefined;

  constructor(secrets: readonly string[], members: readonly string[]) {
    this.#forms = secrets.flatMap(secretForms);
    this.#secrets = this.#forms.length === 0 ? undefined : new SecretSearch(this.#forms);
    // Characters other than letters and digits may be missing.
    this.#shortest = Math.min(
      ...this.#forms.map(({ bytes, isLoose }) =>
        isLoose ? bytes.filter(isAlphanumeric).length : bytes.length,
      ),
    );
    this.#members = members.length === 0 ? undefined : new NameMatcher(members);
  }

  get isIdle(): boolean {
    return this.#secrets === undefined && this.#members === undefined;
  }

  bodyFilter(): BodyFilter {
    const members = this.#members && new MemberFilter(this.#members);
    const secrets = this.#secrets && new SecretFilter(this.#secrets);
    if (members && secrets) return new FilterChain(members, secrets);
    return (members ?? secrets) as BodyFilter;
  }

  /** Redacts the upstream's headers (names in lower case, latin1), and counts the redactions. */
  scrubHeaders(headers: IncomingHttpHeaders): { headers: IncomingHttpHeaders; redactions: number } {
    if (!this.#isIn(headers)) return { headers, redactions: 0 };
    let redactions = 0;
    const scrub = (value: string) => {
      const filter = this.bodyFilter();
      const scrubbed = filter.end(Buffer.from(value, 'latin1')).toString('latin1');
      redactions += filter.redactions;
      return scrubbed;
    };
    const kept: [string, string | string[] | undefined][] = [];
    for (const [name, value] of Object.entries(headers)) {
      if (this.isInLowerCase(name)) redactions++;
      else kept.push([name, Array.isArray(value) ? value.map(scrub) : value && scrub(value)]);
    }
    return { headers: Object.fromEntries(kept), redactions };
  }

  async finds(bytes: Buffer): Promise<boolean> {
    if (this.#secrets === undefined) return false;
    const filter = new SecretFilter(this.#secrets);
    // In slices: a text full of what looks like the secret takes seconds, in which others must be served.
    for (let at = 0; at < bytes.length && filter.redactions === 0; at += sliceBytes) {
      filter.write(bytes.subarray(at, at + sliceBytes));
      await nextBatch();
    }
    filter.end();
    return filter.redactions > 0;
  }

  /** A cheap test first, since the headers of most answers need no redaction. */
  #isIn(headers: IncomingHttpHeaders): boolean {
    let values = '';
    for (const name of Object.keys(headers)) {
      if (this.isInLowerCase(name)) return true;
      const value = `${headers[name]}`;
      // Most are shorter than any secret, but may have a member that is redacted.
      if (value.length >= this.#shortest || this.#members !== undefined) values += `${value}\n`;
    }
    if (values === '') return false;
    const bytes = Buffer.from(values, 'latin1');
    return (
      contains(this.#secrets, bytes) || (this.#members?.find(bytes, 0, bytes.length) ?? -1) >= 0
    );
  }

  /** Whether a secret is in a text in which letters may have become lower case: a header's name, a URL's host. */
  isInLowerCase(text: string): boolean {
    // Most names are shorter than any secret.
    if (text.length < this.#shortest) return false;
    this.#folded ??= new SecretSearch(this.#forms.map((form) => ({ ...form, foldCase: true })));
    return contains(this.#folded, Buffer.from(text));
  }
}

function contains(search: SecretSearch | undefined, bytes: Buffer): boolean {
  if (search === undefined) return false;
  const steps = { taken: 0, max: Infinity };
  search.grant(steps, bytes.length);
  return search.search({ bytes, isLast: true, steps }, 0, bytes.length).spans.length > 0;
}

class FilterChain implements BodyFilter {
  readonly #first: BodyFilter;
  readonly #second: BodyFilter;

  constructor(first: BodyFilter, second: BodyFilter) {
    this.#first = first;
    this.#second = second;
  }

  get redactions(): number {
    return this.#first.redactions + this.#second.redactions;
  }

  write(chunk: Buffer): Buffer {
    return this.#second.write(this.#first.write(chunk));
  }

  end(last?: Buffer): Buffer {
    return this.#second.end(this.#first.end(last));
  }
}

/** Whether answers under this policy are searched, so that calls must ask for searchable ones. */
export function isSearched({ scrub, redactMembers = [] }: Policy): boolean {
  return scrub !== false || redactMembers.length > 0;
}

const madeFor = memoize(({ policy, fields }: Release) => {
  const { injection, scrub, publicFields, redactMembers = [] } = policy;
  const secrets = scrub === false ? [] : secretTexts(injection, fields, publicFields);
  return new Scrubber(secrets, redactMembers);
});

/** The scrubber for answers to a release's calls, memoized; undefined if there is nothing to redact. */
export function scrubberOf(release: Release): Scrubber | undefined {
  const scrubber = madeFor(release);
  return scrubber.isIdle ? undefined : scrubber;
}

import { isKid } from '../../../shared/crypto/kid.ts';
import { check } from '../../../shared/doctor/check.ts';
import type { Keyring } from '../../keys/keyring.ts';
import { count } from '../count.ts';
import { describeNeeds, type Needs } from '../keys/needs.ts';
import { type Check, skipped } from './check.ts';

/** Counts what needs a key that the keyring lacks, so that one lost file is one finding. */
export class MissingKeys {
  readonly #keyring: Keyring | undefined;
  readonly #needed = new Map<string, Needs & { readonly first: string }>();

  constructor(keyring: Keyring | undefined) {
    this.#keyring = keyring;
  }

  /** Notes a row by `name`; true if its key is missing. A text that no key can have as its name is a fault of the row. */
  note(what: keyof Needs, kid: string | null, name: string): boolean {
    if (!isKid(kid) || (this.#keyring?.has(kid) ?? true)) return false;
    const needed = this.#needed.get(kid) ?? { tokens: 0, documents: 0, images: 0, first: name };
    this.#needed.set(kid, { ...needed, [what]: needed[what] + 1 });
    return true;
  }

  /** One finding a key. */
  check(): Check {
    if (this.#keyring === undefined) return skipped('missing keys');
    const findings = [...this.#needed].map(
      ([kid, { first, ...needs }]) =>
        `${describeNeeds(needs)} the key ${JSON.stringify(kid)}, such as ${first}: ` +
        `bring ${kid}.key back from the backup of the keyring; if there never was one, somebody changed the row`,
    );
    return check('missing keys', count(this.#needed.size, 'key'), findings);
  }
}

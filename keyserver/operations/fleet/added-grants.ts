import { canonicalGrant } from '../../../shared/policy/grant-id.ts';
import type { Grant } from '../../../shared/policy/schema.ts';

/** Grants that are found by what they have besides one member. */
export class AddedGrants {
  readonly #places: Map<Grant, number>;
  /** The first one last, so that those taken are dropped from the end. */
  readonly #byRest: Map<string, Grant[]>;

  constructor(grants: readonly Grant[]) {
    this.#places = new Map(grants.map((grant, at) => [grant, at]));
    const rests = grants
      .toReversed()
      .flatMap((grant) => restsOf(grant).map((rest) => ({ rest, grant })));
    const groups = Map.groupBy(rests, ({ rest }) => rest);
    this.#byRest = new Map([...groups].map(([rest, all]) => [rest, all.map(({ grant }) => grant)]));
  }

  get left(): Grant[] {
    return [...this.#places.keys()];
  }

  /** Takes the first one that differs from a grant in one member. */
  takeSimilar(grant: Grant): Grant | undefined {
    const place = (one: Grant) => this.#places.get(one) ?? Number.POSITIVE_INFINITY;
    const found = restsOf(grant).flatMap((rest) => this.#firstOf(rest) ?? []);
    const [first] = found.sort((one, other) => place(one) - place(other));
    if (first !== undefined) this.#places.delete(first);
    return first;
  }

  #firstOf(rest: string): Grant | undefined {
    const grants = this.#byRest.get(rest) ?? [];
    for (let last = grants.at(-1); last !== undefined; last = grants.at(-1)) {
      if (this.#places.has(last)) return last;
      grants.pop();
    }
    return undefined;
  }
}

function restsOf(grant: Grant): string[] {
  const members = canonicalGrant(grant);
  return (['client', 'type', 'methods', 'paths'] as const).map((member) =>
    JSON.stringify([member, { ...members, [member]: undefined }]),
  );
}

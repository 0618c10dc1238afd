import { ServiceError } from '../../shared/errors.ts';
import { holdsKey, misplacedKey } from '../http/key-watch.ts';
import { formPlaces } from './form-places.ts';
import { jsonPlaces } from './json-places.ts';
import type { KeyPlace } from './key-place.ts';

export type Search = (bytes: Buffer) => readonly KeyPlace[];

const searches: readonly (readonly [contentType: RegExp, Search])[] = [
  [/^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i, jsonPlaces],
  [/^application\/x-www-form-urlencoded\s*(?:;\s*charset="?utf-8"?\s*)?$/i, formPlaces],
];

export function searchFor(contentType: string): Search | undefined {
  return searches.find(([pattern]) => pattern.test(contentType))?.[1];
}

/** A body in which the caller's app key was found. Only what is left {@link without} the key may be sent. */
export class KeyedBody {
  readonly bytes: Buffer;
  readonly #places: readonly KeyPlace[];

  constructor(bytes: Buffer, places: readonly KeyPlace[]) {
    this.bytes = bytes;
    this.#places = places;
  }

  /**
   * The body without the members that have the key; every other byte stays as it was.
   * @param members those that may have it, `keyMembers` of the type
   * @throws ServiceError request_invalid if another one has it
   */
  without(members: readonly string[] = []): Buffer {
    const isNamed = ({ member }: KeyPlace) => members.some((name) => name === member);
    if (!this.#places.every(isNamed)) {
      throw new ServiceError('request_invalid', {
        reason: 'app_key_misplaced',
        detail:
          'A member of the body has the app key, and the type does not name it: send the key in a header, such as Authorization, or name the member with keyserver-admin type edit --add-key-member. If the request is for an access token, name its URL with --add-token-endpoint instead: the marketplace must not get it.',
      });
    }
    const kept: Buffer[] = [];
    let at = 0;
    for (const [start, end] of this.#places.map(({ cut }) => cut).sort(([a], [b]) => a - b)) {
      // Empty if the cut before went further.
      kept.push(this.bytes.subarray(at, start));
      at = Math.max(at, end);
    }
    const left = Buffer.concat([...kept, this.bytes.subarray(at)]);
    if (holdsKey(left)) throw misplacedKey('The body');
    return left;
  }
}

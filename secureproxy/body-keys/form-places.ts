import { minKeyLike } from '../http/keys-in-value.ts';
import { type KeyPlace, memberList } from './key-place.ts';

/** Finds key-like texts in the values of an urlencoded form, decoded, but not in names. */
export function formPlaces(bytes: Buffer): readonly KeyPlace[] {
  // One character a byte, so that places are those of the bytes.
  const form = bytes.toString('latin1');
  const places: KeyPlace[] = [];
  const add = memberList(places);
  let start = 0;
  for (const pair of form.split('&')) {
    const end = start + pair.length;
    const isLast = end === form.length;
    add(readPair(pair), [start, end], isLast ? undefined : end + 1);
    start = end + 1;
  }
  return places;
}

function readPair(pair: string) {
  if (pair.length < minKeyLike) return { member: undefined, text: undefined };
  const [[member, text] = []] = new URLSearchParams(pair.replace(/^\?/, '%3F'));
  return { member, text };
}

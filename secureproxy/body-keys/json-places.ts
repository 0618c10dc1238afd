import { isUtf8 } from 'node:buffer';
import { ServiceError } from '../../shared/errors.ts';
import {
  endOfString,
  endOfValue,
  notJson,
  readString,
  skipBlanks,
  skipColon,
  terminated,
} from '../envelope/json-scan.ts';
import { minKeyLike } from '../http/keys-in-value.ts';
import { type KeyPlace, memberList } from './key-place.ts';

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const openBrace = 0x7b;
const closerOffset = 2;

/** More than bodies with a key have; the scan takes a stack frame for each. */
const maxDepth = 100;
/** No type names a longer one. */
const maxPathLength = 1 + 256;

/**
 * Finds key-like texts in the strings of JSON, unescaped, but not in names. The member `token` of `auth` is
 * `auth.token`; nothing in an array has a name. Bytes that are no JSON have none.
 */
export function jsonPlaces(bytes: Buffer): readonly KeyPlace[] {
  try {
    return isUtf8(bytes) ? placesIn(terminated(bytes)) : [];
  } catch (error) {
    if (error instanceof ServiceError) return [];
    throw error;
  }
}

function placesIn(bytes: Buffer): readonly KeyPlace[] {
  const places: KeyPlace[] = [];
  const start = skipBlanks(bytes, 0);
  const end = endOf(start, '', 0);
  if (skipBlanks(bytes, end) !== bytes.length - 1) throw notJson();
  const text = textOf(start, end);
  memberList(places)({ member: undefined, text }, [start, end], undefined);
  return places;

  /**
   * Searches the arrays and objects of the value that begins at `start`, and returns its end.
   * @param path the names that lead to it, with a dot before each; undefined: no type can name it
   */
  function endOf(start: number, path: string | undefined, depth: number): number {
    const first = bytes[start];
    if (first !== openBrace && first !== openBracket) return endOfValue(bytes, start);
    if (depth === maxDepth) throw notJson();
    return endOfList(start, first, path, depth + 1);
  }

  /** The text of a value that is a string, if it may have a key. */
  function textOf(start: number, end: number): string | undefined {
    const isSearched = bytes[start] === quote && end - start >= minKeyLike;
    return isSearched ? readString(bytes, start, end) : undefined;
  }

  function endOfList(start: number, opener: number, path: string | undefined, depth: number) {
    const closer = opener + closerOffset;
    const add = memberList(places);
    let at = skipBlanks(bytes, start + 1);
    if (bytes[at] === closer) return at + 1;
    for (;;) {
      const from = at;
      let inner: string | undefined;
      if (opener === openBrace) {
        const nameEnd = endOfString(bytes, at);
        if (path !== undefined) inner = joined(path, readString(bytes, at, nameEnd));
        at = skipColon(bytes, nameEnd);
      }
      const end = endOf(at, inner, depth);
      const text = textOf(at, end);
      at = skipBlanks(bytes, end);
      const isLast = bytes[at] !== comma;
      const next = isLast ? undefined : skipBlanks(bytes, at + 1);
      add({ member: inner?.slice(1), text }, [from, end], next);
      if (next !== undefined) at = next;
      else if (bytes[at] === closer) return at + 1;
      else throw notJson();
    }
  }
}

function joined(path: string, name: string): string | undefined {
  const inner = `${path}.${name}`;
  return inner.length > maxPathLength ? undefined : inner;
}

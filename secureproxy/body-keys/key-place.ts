import { appKeysIn } from '../http/keys-in-value.ts';

export type Span = readonly [start: number, end: number];

/** A text of a body in which key-like texts were found. */
export interface KeyPlace {
  readonly keys: readonly string[];
  /** The member that it is the value of, as `keyMembers` of a type spells it; undefined if that cannot name it. */
  readonly member: string | undefined;
  /** The bytes to leave out, a separator among them, so that the member is gone. */
  readonly cut: Span;
}

/** Collects the places of a list of members, which one separator each keeps apart. */
export function memberList(places: KeyPlace[]) {
  let stayedEnd: number | undefined;
  /**
   * Adds a member; its text is undefined if its value is none that is searched.
   * @param next start of the member behind it; undefined for the last one
   */
  return (
    { member, text }: { readonly member: string | undefined; readonly text: string | undefined },
    [start, end]: Span,
    next: number | undefined,
  ): void => {
    const keys = text === undefined ? [] : appKeysIn(text);
    const cut: Span = next === undefined ? [stayedEnd ?? start, end] : [start, next];
    if (keys.length === 0) stayedEnd = end;
    else places.push({ keys, member, cut });
  };
}

import type { LimitSignal } from '../../shared/policy/schema.ts';

/** Marketplaces say at the start that they reject a call. */
const searchedBytes = 4096;
const nothing = Buffer.alloc(0);

export type BodyObserver = (bytes: Buffer) => void;

/**
 * Calls back once if a body of this status begins with one of its type's texts within; undefined if there is none to
 * look for.
 * @param decode of the body's start; undefined: it is not to be read
 */
export function limitBodyObserver(
  { bodies = [] }: LimitSignal,
  status: number,
  decode: (start: Buffer) => Buffer | undefined,
  onFound: () => void,
): BodyObserver | undefined {
  const texts = bodies.filter((one) => one.status === status).map(({ contains }) => contains);
  if (texts.length === 0) return undefined;
  let received = nothing;
  let isOver = false;
  return (bytes) => {
    if (isOver) return;
    received = Buffer.concat([received, bytes.subarray(0, searchedBytes - received.length)]);
    const start = decode(received)?.subarray(0, searchedBytes);
    const isFound = texts.some((text) => start?.includes(text));
    const isFull = received.length === searchedBytes || start?.length === searchedBytes;
    isOver = isFound || isFull || start === undefined;
    if (isFound) onFound();
  };
}

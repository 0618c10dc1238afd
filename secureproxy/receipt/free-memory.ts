/** Smaller ones are left to the garbage collector, which costs less. */
const minFreedBytes = 32 * 1024;

/** Frees memory at once, if it is no part of a pool. */
export function freeMemory({ buffer, byteLength }: Buffer): void {
  const isOwn = buffer.byteLength === byteLength && byteLength >= minFreedBytes;
  if (isOwn) (buffer as ArrayBuffer).transfer(0);
}

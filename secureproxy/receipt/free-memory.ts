/** Frees memory at once, if it is no part of a pool: to collect it as garbage would cost several times as much. */
export function freeMemory({ buffer, byteLength }: Buffer): void {
  if (buffer.byteLength === byteLength) (buffer as ArrayBuffer).transfer(0);
}

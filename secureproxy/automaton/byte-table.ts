/** A number for each byte: one look-up in place of comparisons. */
export function byteTable(pattern: RegExp, numberOf: (character: string) => number = () => 1) {
  return Uint8Array.from({ length: 256 }, (_, code) => {
    const character = String.fromCharCode(code);
    return pattern.test(character) ? numberOf(character) : 0;
  });
}

/** The value of a hexadecimal digit plus one, or 0. */
export const hexPlusOne = byteTable(/[0-9A-Fa-f]/, (digit) => Number.parseInt(digit, 16) + 1);

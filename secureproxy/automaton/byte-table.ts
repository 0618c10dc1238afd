/** A number for each byte: one look-up in place of comparisons. */
export function byteTable(pattern: RegExp, numberOf: (character: string) => number = () => 1) {
  return Uint8Array.from({ length: 256 }, (_, code) => {
    const character = String.fromCharCode(code);
    return pattern.test(character) ? numberOf(character) : 0;
  });
}

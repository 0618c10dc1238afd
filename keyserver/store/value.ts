/** A value that both drivers take as a parameter and return in a row. */
export type Value = string | number | bigint | null | Uint8Array;

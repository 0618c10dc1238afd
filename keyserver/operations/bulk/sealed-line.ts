import { Compile } from '../../../shared/schema/compile.ts';
import { ClosedObject, type Static, Type } from '../../../shared/schema/type.ts';
import type { TokenRow } from '../../store/store.ts';

/** A stored token as a line of JSON: `sealed` is the row as it lies, which opens only with its key. */
const SealedLineSchema = ClosedObject({
  client: Type.String(),
  type: Type.String(),
  sealed: Type.String(),
});
type SealedLine = Static<typeof SealedLineSchema>;
const validator = Compile(SealedLineSchema);

/** Longest line: what is read of a token, with names of which every character is escaped. */
export const maxSealedLineBytes = 1_200_000;

export function sealedLine({ clientId, tokenType, token }: TokenRow): string {
  const line: SealedLine = { client: clientId, type: tokenType, sealed: token };
  return `${JSON.stringify(line)}\n`;
}

/** The row of a parsed line; undefined if the line is not of this form. */
export function sealedRow(line: unknown): TokenRow | undefined {
  if (!validator.Check(line)) return undefined;
  return { clientId: line.client, tokenType: line.type, token: line.sealed };
}

import { tokenRowKid } from '../../../shared/crypto/token-row.ts';
import type { OperationContext } from '../context.ts';
import type { TokenName } from '../suggestion.ts';
import type { Progress } from './progress.ts';
import { sealedLine } from './sealed-line.ts';

/**
 * Writes the sealed rows of all tokens, or only of the exact names given, as lines that an import takes: none is opened.
 * Resolves to numbers of rows; those left out are not sealed, such as the earlier system's.
 */
export async function exportTokens(
  { store }: OperationContext,
  { client, type }: Partial<TokenName>,
  write: (text: string) => Promise<void>,
  progress: Progress = () => {},
) {
  let rows = 0;
  let leftOut = 0;
  await store.snapshot(async ({ listTokens }) => {
    for await (const row of listTokens()) {
      if (client !== undefined && row.clientId !== client) continue;
      if (type !== undefined && row.tokenType !== type) continue;
      if (tokenRowKid(row.token) === undefined) {
        leftOut += 1;
        continue;
      }
      await write(sealedLine(row));
      rows += 1;
      progress('exported', rows);
    }
  });
  return { rows, leftOut };
}

import type { OperationContext } from '../context.ts';
import type { TokenName } from '../suggestion.ts';
import type { Progress } from './progress.ts';
import { sealedLine } from './sealed-line.ts';

/**
 * Writes the sealed rows of all tokens, or only of the exact names given, as lines that an import takes: none is opened.
 * Resolves to their number.
 */
export async function exportTokens(
  { store }: OperationContext,
  { client, type }: Partial<TokenName>,
  write: (text: string) => Promise<void>,
  progress: Progress = () => {},
): Promise<number> {
  let rows = 0;
  await store.snapshot(async ({ listTokens }) => {
    for await (const row of listTokens()) {
      if (client !== undefined && row.clientId !== client) continue;
      if (type !== undefined && row.tokenType !== type) continue;
      await write(sealedLine(row));
      rows += 1;
      progress('exported', rows);
    }
  });
  return rows;
}

import { StoreError } from '../../store/store-error.ts';
import type { OperationContext } from '../context.ts';
import type { Suggestion, TokenName } from '../suggestion.ts';
import { type InspectedToken, injectionMisfit, inspectToken } from '../tokens.ts';
import { readChain } from '../undo/chain.ts';

/** Suggests what to do about a token that does not fill its type: to undo the change that it filled the type before. */
export async function misfitRemedy(
  context: OperationContext,
  token: TokenName,
): Promise<Suggestion> {
  const { client, type } = token;
  const [row] = await context.store.findTokens(client, type);
  const change = row && (await misfitBy(context, type, inspectToken(context, row)));
  return change === undefined
    ? { do: 'refill_token', client, type }
    : { do: 'undo_or_refill', client, type, change };
}

/** The newest kept change whose before-image the token fills; undefined if none can be undone. */
async function misfitBy(
  { store, keyring }: OperationContext,
  id: string,
  token: InspectedToken,
): Promise<number | undefined> {
  const name = { kind: 'type', id } as const;
  let change: number | undefined;
  try {
    const { faults } = await store.snapshot(async (snapshot) => {
      const names = await snapshot.imageNames(name);
      const images = { names, rows: snapshot.images(names)[Symbol.asyncIterator]() };
      return readChain(keyring, name, undefined, images, ({ number, image }) => {
        const { injection } = image?.before ?? {};
        if (injection && injectionMisfit(token, injection) === undefined) change ??= number;
      });
    });
    return faults.length > 0 ? undefined : change;
  } catch (error) {
    // A database user that may not read images may explain a call.
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { tokenRowKid } from '../../../shared/crypto/token-row.ts';
import { resealImages } from '../../at-rest/image-chain.ts';
import { resealRow } from '../../at-rest/secret.ts';
import { tryOpen } from '../../at-rest/try-open.ts';
import {
  type DocumentKind,
  type DocumentName,
  type DocumentRow,
  isDocumentKind,
  type TokenSwap,
} from '../../store/store.ts';
import type { OperationContext } from '../context.ts';
import { changeDocument } from '../documents.ts';
import { OperationError } from '../operation-error.ts';
import { checkLoaded } from './check-loaded.ts';
import { Pace } from './pace.ts';

/** Each takes a change number, which all KeyServers and proxies hear of. */
const maxDocumentsPerSecond = 100;

interface RewrapOptions {
  readonly onProgress?: (done: number, total: number) => void;
  /** The system's timer by default. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

/**
 * Seals with the primary key what older ones sealed. It can be ended at any time and run again, also twice at once:
 * a token is replaced only if it is as it was read. Rows of the earlier system are left. Resolves to numbers of rows that
 * are sealed anew, that others changed meanwhile, and that do not open; images count besides the newest of the documents.
 * @throws OperationError not_confirmed if a KeyServer has not loaded the primary key; StoreError
 */
export async function rewrap(
  context: OperationContext,
  { onProgress = () => {}, pause = sleep }: RewrapOptions = {},
) {
  await checkLoaded(context);
  const documents = await rewrapDocuments(context, pause);
  const images = await rewrapImages(context, pause);
  const tokens = await rewrapTokens(context, onProgress, pause);
  return {
    tokens: tokens.done,
    documents: documents.done,
    images: images.done,
    changed: tokens.changed,
    broken: tokens.broken + documents.broken + images.broken,
  };
}

async function rewrapDocuments(context: OperationContext, pause: (ms: number) => Promise<unknown>) {
  const { store, keyring } = context;
  let done = 0;
  let broken = 0;
  for (const { kind, id, kid } of await store.documents()) {
    if (kid === keyring.primaryKid || !isDocumentKind(kind)) continue;
    const outcome = await rewrapDocument(context, kind, id);
    if (outcome === 'done') done += 1;
    else if (outcome === 'broken') broken += 1;
    await pause(1000 / maxDocumentsPerSecond);
  }
  return { done, broken };
}

async function rewrapDocument(
  context: OperationContext,
  kind: DocumentKind,
  id: string,
): Promise<'done' | 'broken' | 'gone'> {
  let outcome: 'done' | 'broken' | 'gone' = 'gone';
  try {
    await changeDocument(context, kind, id, (current) => {
      if (current === undefined) outcome = 'gone';
      else outcome = current.content === undefined ? 'broken' : 'done';
      return current?.content ?? 'unchanged';
    });
  } catch (error) {
    // Somebody wrote a row past this tool, with a name that no document can have.
    if (!(error instanceof OperationError && error.code === 'input_invalid')) throw error;
    return 'broken';
  }
  return outcome;
}

async function rewrapImages(
  { store, keyring }: OperationContext,
  pause: (ms: number) => Promise<unknown>,
) {
  const found = { done: 0, broken: 0 };
  const isOld = ({ kid }: Pick<DocumentRow, 'kid'>) => kid !== keyring.primaryKid;
  const names = new Map<string, DocumentName>();
  for (const image of await store.imageNames()) {
    const { kind, id } = image;
    if (isOld(image) && isDocumentKind(kind)) names.set(`${kind} ${id}`, { kind, id });
  }
  for (const name of names.values()) {
    let count = { done: 0, broken: 0 };
    await store.editImages(name, (images) => {
      const old = images.filter(isOld).length;
      const sealed = old === 0 ? images : resealImages(keyring, name.kind, images);
      count = sealed === undefined ? { done: 0, broken: old } : { done: old, broken: 0 };
      return sealed ?? images;
    });
    found.done += count.done;
    found.broken += count.broken;
    await pause(1000 / maxDocumentsPerSecond);
  }
  return found;
}

async function rewrapTokens(
  { store, keyring }: OperationContext,
  onProgress: (done: number, total: number) => void,
  pause: (ms: number) => Promise<unknown>,
) {
  const { primaryKid } = keyring;
  const total = (await store.kidCounts())
    .filter(({ kid }) => kid !== primaryKid)
    .reduce((sum, { tokens }) => sum + tokens, 0);
  const found = { done: 0, changed: 0, broken: 0 };
  const pace = new Pace(pause);
  for await (const page of store.tokenPages()) {
    const swaps: TokenSwap[] = [];
    for (const row of page) {
      const kid = tokenRowKid(row.token);
      if (kid === undefined || kid === primaryKid) continue;
      const token = tryOpen(() => resealRow(keyring, row));
      if (token === undefined) found.broken += 1;
      else swaps.push({ row, token });
    }
    await pace.run(swaps, async (batch) => {
      const swapped = await store.swapTokens(batch, { keepsOld: false });
      const replaced = swapped.filter(Boolean).length;
      found.done += replaced;
      found.changed += batch.length - replaced;
      onProgress(found.done, total);
      return swapped;
    });
  }
  return found;
}

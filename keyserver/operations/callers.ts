import { callerKeyHash, type KeyPrefix, makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { Binding } from '../../shared/protocol/messages.ts';
import type { CallerKey, DocumentBody } from '../at-rest/document-row.ts';
import { anonymousApp } from '../release/callers.ts';
import { isoTime, type OperationContext } from './context.ts';
import { changeDocument, contentOf, type FoundDocument } from './documents.ts';
import { inputInvalid, OperationError } from './operation-error.ts';
import { type LimitRequest, parseLimits } from './proxy-limits.ts';

/** Callers with a key: applications and SecureProxy installations. */
export type CallerKind = 'app' | 'proxy';

const prefixes: Record<CallerKind, KeyPrefix> = { app: 'spk_', proxy: 'spx_' };

export interface KeyOptions {
  /**
   * Delivers the new key, which is stored nowhere. It is called once, inside the transaction and before
   * the commit: if it throws, nothing changes, so no caller is left with a key that nobody has.
   */
  readonly handOver?: (key: string) => void;
}

interface AppOptions {
  /** The app may ask KeyServer itself, and so receives tokens. */
  readonly direct?: boolean;
  /** The client and type of calls that name neither (docs/bound-keys.md). */
  readonly bound?: Binding | undefined;
}

/**
 * Creates an app without grants. Resolves to its key.
 * @throws OperationError already_exists, input_invalid
 */
export async function createApp(
  context: OperationContext,
  id: string,
  { direct = false, bound, handOver }: AppOptions & KeyOptions = {},
): Promise<string> {
  if (id === anonymousApp) throw keyless();
  return withNewKey(context, 'app', id, handOver, (current, newKey) => {
    checkAbsent('app', id, current);
    return {
      keys: [newKey(bound !== undefined)],
      grants: [],
      ...(direct && { direct }),
      ...(bound && { bound }),
    };
  });
}

/** Creates the app of calls without a key. @throws OperationError already_exists */
export async function createAnonymousApp(
  context: OperationContext,
  { direct = false }: Pick<AppOptions, 'direct'> = {},
): Promise<void> {
  await changeDocument(context, 'app', anonymousApp, (current) => {
    checkAbsent('app', anonymousApp, current);
    return { keys: [], grants: [], ...(direct && { direct }) };
  });
}

/** Creates a SecureProxy installation, with limits if they are given. Resolves to its key. @throws OperationError already_exists, input_invalid */
export async function createProxy(
  context: OperationContext,
  id: string,
  { handOver, ...request }: KeyOptions & LimitRequest = {},
): Promise<string> {
  const limits = parseLimits(request);
  return withNewKey(context, 'proxy', id, handOver, (current, newKey) => {
    checkAbsent('proxy', id, current);
    return { keys: [newKey()], ...limits };
  });
}

/**
 * Gives a caller a new key and resolves to it. Its older keys expire after `overlapSeconds` (default 0,
 * at once); an earlier expiry is never postponed.
 * @throws OperationError not_found, integrity_failed, input_invalid
 */
export async function rotateCaller(
  context: OperationContext,
  kind: CallerKind,
  id: string,
  { overlapSeconds = 0, handOver }: KeyOptions & { readonly overlapSeconds?: number } = {},
): Promise<string> {
  if (kind === 'app' && id === anonymousApp) throw keyless();
  try {
    return await withNewKey(context, kind, id, handOver, (current, newKey) => {
      const caller = contentOf(kind, id, current);
      const old = expireKeys(caller.keys, context.clock.now(), overlapSeconds);
      return { ...caller, keys: [...old, newKey('bound' in caller)] };
    });
  } catch (error) {
    if (!(error instanceof OperationError && error.code === 'not_found')) throw error;
    const images = await context.store.snapshot(({ imageNames }) => imageNames({ kind, id }));
    if (images.length === 0) throw error;
    const revoked = `the ${kind} ${JSON.stringify(id)} was revoked`;
    throw new OperationError('not_found', revoked, { do: 'undo_revoked', kind, id });
  }
}

function expireKeys(
  keys: readonly CallerKey[],
  nowMs: number,
  overlapSeconds: number,
): CallerKey[] {
  const endMs = nowMs + overlapSeconds * 1000;
  return keys
    .map((key) => ({
      ...key,
      expiresAt: isoTime(
        key.expiresAt === undefined ? endMs : Math.min(endMs, Date.parse(key.expiresAt)),
      ),
    }))
    .filter(({ expiresAt }) => Date.parse(expiresAt) > nowMs);
}

/** Makes a key, and what is stored of it. */
export function newCallerKey(
  { clock }: Pick<OperationContext, 'clock'>,
  kind: CallerKind,
  options: { readonly isBound?: boolean } = {},
): { key: string; stored: CallerKey } {
  const key = makeCallerKey(prefixes[kind], options);
  return { key, stored: { hash: callerKeyHash(key), createdAt: isoTime(clock.now()) } };
}

async function withNewKey<K extends CallerKind>(
  context: OperationContext,
  kind: K,
  id: string,
  handOver: KeyOptions['handOver'],
  change: (
    current: FoundDocument<K> | undefined,
    newKey: (isBound?: boolean) => CallerKey,
  ) => DocumentBody<K>,
): Promise<string> {
  // A transaction that lost a conflict runs again, with the same key.
  let made: ReturnType<typeof newCallerKey> | undefined;
  const newKey = (isBound = false) => {
    made ??= newCallerKey(context, kind, { isBound });
    return made.stored;
  };
  let key = '';
  const deliver = () => {
    if (key !== '' || made === undefined) return;
    key = made.key;
    handOver?.(key);
  };
  await changeDocument(context, kind, id, (current) => change(current, newKey), deliver);
  return key;
}

function checkAbsent(
  kind: CallerKind,
  id: string,
  current: FoundDocument<CallerKind> | undefined,
): void {
  if (current === undefined) return;
  throw new OperationError('already_exists', `the ${kind} ${JSON.stringify(id)} exists already`, {
    do: 'rotate_or_revoke',
    kind,
  });
}

function keyless(): OperationError {
  return inputInvalid(`the app ${anonymousApp} stands for calls without a key, so it has none`, {
    do: 'create_or_revoke_app',
    id: anonymousApp,
  });
}

import { callerKeyHash, type KeyPrefix, makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { CallerKey } from '../at-rest/document-row.ts';
import { anonymousApp } from '../release/callers.ts';
import { isoTime, type OperationContext } from './context.ts';
import { changeDocument, contentOf, type FoundDocument } from './documents.ts';
import { OperationError } from './operation-error.ts';

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

export interface AppOptions {
  /** The app may ask KeyServer itself, and so receives tokens. */
  readonly direct?: boolean;
}

/**
 * Creates an app without grants. Resolves to its key.
 * @throws OperationError already_exists, input_invalid
 */
export async function createApp(
  context: OperationContext,
  id: string,
  { direct = false, handOver }: AppOptions & KeyOptions = {},
): Promise<string> {
  if (id === anonymousApp) throw keyless();
  const { key, stored, deliver } = newKey(context, 'app', handOver);
  const create = (current: FoundDocument<'app'> | undefined) => {
    checkAbsent('app', id, current);
    return { keys: [stored], grants: [], ...(direct && { direct }) };
  };
  await changeDocument(context, 'app', id, create, deliver);
  return key;
}

/** Creates the app of calls without a key. @throws OperationError already_exists */
export async function createAnonymousApp(
  context: OperationContext,
  { direct = false }: AppOptions = {},
): Promise<void> {
  await changeDocument(context, 'app', anonymousApp, (current) => {
    checkAbsent('app', anonymousApp, current);
    return { keys: [], grants: [], ...(direct && { direct }) };
  });
}

/** Creates a SecureProxy installation. Resolves to its key. @throws OperationError already_exists, input_invalid */
export async function createProxy(
  context: OperationContext,
  id: string,
  { handOver }: KeyOptions = {},
): Promise<string> {
  const { key, stored, deliver } = newKey(context, 'proxy', handOver);
  const create = (current: FoundDocument<'proxy'> | undefined) => {
    checkAbsent('proxy', id, current);
    return { keys: [stored] };
  };
  await changeDocument(context, 'proxy', id, create, deliver);
  return key;
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
  const { key, stored, deliver } = newKey(context, kind, handOver);
  const renew = (keys: readonly CallerKey[]) => [
    ...expireKeys(keys, context.clock.now(), overlapSeconds),
    stored,
  ];
  if (kind === 'app') {
    const rotate = (current: FoundDocument<'app'> | undefined) => {
      const app = contentOf('app', id, current);
      return { ...app, keys: renew(app.keys) };
    };
    await changeDocument(context, 'app', id, rotate, deliver);
  } else {
    const rotate = (current: FoundDocument<'proxy'> | undefined) => {
      const proxy = contentOf('proxy', id, current);
      return { ...proxy, keys: renew(proxy.keys) };
    };
    await changeDocument(context, 'proxy', id, rotate, deliver);
  }
  return key;
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

interface NewKey {
  readonly key: string;
  readonly stored: CallerKey;
  readonly deliver: () => void;
}

function newKey(
  { clock }: OperationContext,
  kind: CallerKind,
  handOver: KeyOptions['handOver'],
): NewKey {
  const key = makeCallerKey(prefixes[kind]);
  let isDelivered = false;
  return {
    key,
    stored: { hash: callerKeyHash(key), createdAt: isoTime(clock.now()) },
    deliver: () => {
      // A transaction that lost a conflict runs again, with the same key.
      if (isDelivered) return;
      isDelivered = true;
      handOver?.(key);
    },
  };
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
  return new OperationError(
    'input_invalid',
    `the app ${anonymousApp} stands for calls without a key, so it has none`,
    { do: 'create_or_revoke_app', id: anonymousApp },
  );
}

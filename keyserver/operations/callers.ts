import { callerKeyHash, type KeyPrefix, makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { CallerKey } from '../at-rest/document-row.ts';
import { anonymousApp } from '../release/callers.ts';
import { type AdminContext, isoTime } from './context.ts';
import { changeDocument, contentOf, type FoundDocument } from './documents.ts';
import { AdminError } from './operation-error.ts';

/** Who calls with a key: applications and SecureProxy installations. */
export type CallerKind = 'app' | 'proxy';

const prefixes: Record<CallerKind, KeyPrefix> = { app: 'spk_', proxy: 'spx_' };

export interface AppOptions {
  /** The app may ask KeyServer itself and so gets tokens into its own hands. */
  readonly direct?: boolean;
}

/**
 * Makes an app, without grants. Resolves to its key, which is stored nowhere.
 * @throws AdminError already_exists, input_invalid
 */
export async function createApp(
  context: AdminContext,
  id: string,
  { direct = false }: AppOptions = {},
): Promise<string> {
  if (id === anonymousApp) throw keyless();
  const { key, stored } = newKey(context, 'app');
  await changeDocument(context, 'app', id, (current) => {
    checkAbsent('app', id, current);
    return { keys: [stored], grants: [], ...(direct && { direct }) };
  });
  return key;
}

/** Makes the app that calls without a key are answered as. @throws AdminError already_exists */
export async function createAnonymousApp(
  context: AdminContext,
  { direct = false }: AppOptions = {},
): Promise<void> {
  await changeDocument(context, 'app', anonymousApp, (current) => {
    checkAbsent('app', anonymousApp, current);
    return { keys: [], grants: [], ...(direct && { direct }) };
  });
}

/** Makes a SecureProxy installation. Resolves to its key. @throws AdminError already_exists, input_invalid */
export async function createProxy(context: AdminContext, id: string): Promise<string> {
  const { key, stored } = newKey(context, 'proxy');
  await changeDocument(context, 'proxy', id, (current) => {
    checkAbsent('proxy', id, current);
    return { keys: [stored] };
  });
  return key;
}

/**
 * Gives a caller a new key and resolves to it. The keys before it end after `overlapSeconds`, at
 * once where that is 0; an end that was set earlier is never put off.
 * @throws AdminError not_found, integrity_failed, input_invalid
 */
export async function rotateCaller(
  context: AdminContext,
  kind: CallerKind,
  id: string,
  overlapSeconds = 0,
): Promise<string> {
  if (kind === 'app' && id === anonymousApp) throw keyless();
  const { key, stored } = newKey(context, kind);
  const renew = (keys: readonly CallerKey[]) => [
    ...endKeys(keys, context.clock.now(), overlapSeconds),
    stored,
  ];
  if (kind === 'app') {
    await changeDocument(context, 'app', id, (current) => {
      const app = contentOf('app', id, current);
      return { ...app, keys: renew(app.keys) };
    });
  } else {
    await changeDocument(context, 'proxy', id, (current) => {
      const proxy = contentOf('proxy', id, current);
      return { ...proxy, keys: renew(proxy.keys) };
    });
  }
  return key;
}

function endKeys(keys: readonly CallerKey[], nowMs: number, overlapSeconds: number): CallerKey[] {
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

function newKey({ clock }: AdminContext, kind: CallerKind): { key: string; stored: CallerKey } {
  const key = makeCallerKey(prefixes[kind]);
  return { key, stored: { hash: callerKeyHash(key), createdAt: isoTime(clock.now()) } };
}

function checkAbsent(
  kind: CallerKind,
  id: string,
  current: FoundDocument<CallerKind> | undefined,
): void {
  if (current === undefined) return;
  throw new AdminError(
    'already_exists',
    `the ${kind} ${JSON.stringify(id)} exists already`,
    `${kind} rotate gives it a new key, ${kind} revoke deletes it`,
  );
}

function keyless(): AdminError {
  return new AdminError(
    'input_invalid',
    `the app ${anonymousApp} is the one that calls without a key`,
    `keyserver-admin app create ${anonymousApp} makes it, app revoke ${anonymousApp} deletes it`,
  );
}

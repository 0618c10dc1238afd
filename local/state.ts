import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyring, isKeyFolderEmpty } from '../keyserver/keys/generate.ts';
import {
  type CallerKind,
  createApp,
  createProxy,
  rotateCaller,
} from '../keyserver/operations/callers.ts';
import { loadKeys, type OperationContext } from '../keyserver/operations/context.ts';
import { listDocuments } from '../keyserver/operations/documents.ts';
import { openDatabase } from '../keyserver/storage/database.ts';
import { storageSettings } from '../keyserver/storage/settings.ts';
import { systemClock } from '../shared/clock.ts';
import { callerKeyHash } from '../shared/crypto/caller-key.ts';
import { Type } from '../shared/schema/type.ts';
import { parseSettings } from '../shared/settings/config.ts';
import { LocalError } from './local-error.ts';

/** KeyServer's settings for a folder of state. */
export function storagePlaces(folder: string) {
  return {
    DB_FILE: join(folder, 'keyserver.db'),
    KEYRING_DIR: join(folder, 'keyring'),
    RSA_KEY_DIR: join(folder, 'rsa'),
  };
}

/**
 * Creates the folder, the embedded database and its keyring if they are missing, and resolves to the result of
 * `prepare` on them. Call it before KeyServer starts. @throws LocalError if the keyring is lost
 */
export async function prepareState<T>(
  folder: string,
  prepare: (context: OperationContext) => Promise<T>,
): Promise<T> {
  const context = await openState(folder);
  try {
    return await prepare(context);
  } finally {
    await context.store.close();
  }
}

/** Opens the state for {@link prepareState}; the caller closes the store. @throws LocalError */
export async function openState(folder: string): Promise<OperationContext> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { DB_FILE, KEYRING_DIR } = storagePlaces(folder);
  const { config } = parseSettings(Type.Object(storageSettings), { DB_FILE, KEYRING_DIR });
  const store = await openDatabase(config);
  try {
    await store.migrate();
    if (isKeyFolderEmpty(KEYRING_DIR)) {
      if (await store.needsKeyring()) {
        throw new LocalError(
          `${KEYRING_DIR} has no keys, but the database has rows that a keyring sealed: restore it, or delete ${folder} to start over`,
        );
      }
      generateKeyring(KEYRING_DIR, new Date(systemClock.now()));
    }
    return { store, clock: systemClock, ...loadKeys(config) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * Resolves to the key of an app or proxy, which is stored in `file` (mode 0600). Creates the caller on first
 * use, and rotates its key if the file is lost or the key is no longer valid.
 */
export async function ensureCallerKey(
  context: OperationContext,
  kind: CallerKind,
  id: string,
  file: string,
): Promise<string> {
  const caller = (await listDocuments(context, kind)).find((document) => document.id === id);
  const stored = readIfPresent(file);
  const now = context.clock.now();
  const isValid = caller?.content?.keys.some(
    ({ hash, expiresAt }) =>
      hash === callerKeyHash(stored) && (expiresAt === undefined || Date.parse(expiresAt) > now),
  );
  if (isValid) return stored;
  const create = kind === 'app' ? createApp : createProxy;
  const key = caller ? await rotateCaller(context, kind, id) : await create(context, id);
  // Renamed into place, since a truncated file would lock the caller out.
  writeFileSync(`${file}.new`, `${key}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
  return key;
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

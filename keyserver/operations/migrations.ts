import type { Store } from '../store/store.ts';
import { isStoreError } from '../store/store-error.ts';
import { inputInvalid, OperationError } from './operation-error.ts';

/** @throws OperationError migrations_pending */
export async function checkMigrated(store: Store): Promise<void> {
  if ((await store.pendingMigrations()).length === 0) return;
  throw new OperationError(
    'migrations_pending',
    `the schema of ${store.description} is not up to date`,
    { do: 'apply_migrations' },
  );
}

/**
 * {@link Store.migrateDown} for an operator.
 * @throws OperationError input_invalid if rows or another version forbid it, and nothing was changed;
 * StoreError also if it cannot be seen whether there are rows
 */
export async function migrateDown(
  store: Store,
  options: { readonly dropDocuments: boolean },
): Promise<string | undefined> {
  try {
    return await store.migrateDown(options);
  } catch (error) {
    if (isStoreError(error, 'documents_stored')) {
      const stored = 'types, apps or proxies are stored, and may be lost with the migration';
      throw inputInvalid(stored, { do: 'drop_documents' });
    }
    if (isStoreError(error, 'tokens_stored'))
      throw inputInvalid(error.message, 'delete its tokens first');
    if (isStoreError(error, 'migration_unknown'))
      throw inputInvalid(error.message, 'nothing was changed');
    throw error;
  }
}

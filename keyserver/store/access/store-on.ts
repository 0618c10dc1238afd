import { editDocument, editDocuments } from '../documents/document-statements.ts';
import { allDocuments, imageNames } from '../documents/document-tables.ts';
import { editImages, imageReads } from '../documents/image-statements.ts';
import { kidCounts, rowsByKid } from '../keys/kid-counts.ts';
import { keyUses, putKeyUses, putReplica, replicas } from '../keys/replicas.ts';
import { copiedTokens, copyNewTokens, createLegacyCopy } from '../legacy-copy.ts';
import type { MigrationDatabase } from '../migrations/database.ts';
import { migrate, migrateDown, pendingMigrations } from '../migrations/migrate.ts';
import type { Outcome, SqlCoroutine } from '../statements.ts';
import * as statements from '../statements.ts';
import type { Store } from '../store.ts';
import { announceAll, putTokens } from '../token-batch.ts';
import { maxTokenChars, type TokenColumn, tableFindings } from '../token-columns.ts';
import { listTokens, type PagedTable, tokenPages } from '../token-pages.ts';
import * as tokens from '../token-statements.ts';
import { swapTokens } from '../token-swaps.ts';

/** Runs units of work, each of which may take a timeout. */
export interface Work extends Pick<PagedTable, 'read'> {
  change<T>(steps: () => SqlCoroutine<Outcome<T>>): Promise<T>;
}

/** The parts in which the two databases differ. */
export interface Database
  extends PagedTable,
    Work,
    Pick<Store, 'description' | 'findTokens' | 'missingIndex' | 'close'> {
  /** For thousands of rows. */
  readonly patient: Work;
  /** Writes what must wait for nobody. */
  note(steps: () => SqlCoroutine<void>): Promise<void>;
  /** Has all be read at one moment. */
  atOnce<T>(read: (table: PagedTable) => Promise<T>): Promise<T>;
  /** The token table's; empty if it cannot be seen. */
  columns(): Promise<TokenColumn[]>;
  readonly migrations: MigrationDatabase;
  migrating<T>(run: (database: MigrationDatabase) => Promise<T>): Promise<T>;
}

/** The store on a database: all statements and their order, which both databases have alike. */
export function storeOn(database: Database): Store {
  const { description, findTokens, missingIndex, close } = database;
  const { dialect, key, read, change, patient, note } = database;
  return {
    ...{ description, findTokens, missingIndex, close },

    migrate: () => database.migrating(migrate),
    migrateDown: (options) => database.migrating((its) => migrateDown(its, options)),
    pendingMigrations: () => pendingMigrations(database.migrations),

    listTokens: () => listTokens(database),
    clients: () => patient.read(() => tokens.clients(dialect)),
    putToken: (row) => change(() => tokens.putToken(dialect, row)),
    putTokens: (batch) => patient.change(() => putTokens(dialect, batch)),
    announceAll: () => change(announceAll),
    snapshot: (readAll) =>
      database.atOnce(async (table) =>
        readAll({
          position: await table.read(statements.position),
          documents: (atLeast) => table.read(() => allDocuments(atLeast)),
          ...imageReads(table.read),
          listTokens: () => listTokens(table),
        }),
      ),
    deleteToken: (clientId, tokenType) =>
      change(() => tokens.deleteToken(dialect, { clientId, tokenType })),
    maxTokenChars: async () => maxTokenChars(await database.columns()),
    tokenTableFindings: async () => tableFindings(await database.columns()),

    tokenPages: () => tokenPages({ dialect, key, read: patient.read }),
    async swapTokens(swaps, options) {
      const columns = await key();
      return patient.change(() => swapTokens(dialect, columns, swaps, options));
    },
    repeatedTokens: (limit) => patient.read(() => tokens.repeatedTokens(dialect, limit)),

    createLegacyCopy: () => patient.read(() => createLegacyCopy(dialect)),
    copyTokens: (rows) => patient.change(() => copyNewTokens(dialect, rows)),
    copiedTokens: (names) => patient.read(() => copiedTokens(dialect, names)),

    documents: (atLeast) => read(() => allDocuments(atLeast)),
    editDocument: (kind, id, edit, images) =>
      change(() => editDocument(dialect, { kind, id }, edit, images)),
    editDocuments: async (names, edit, images) => {
      await change(() => editDocuments(dialect, names, edit, images));
    },

    imageNames: () => read(() => imageNames(undefined)),
    editImages: (name, edit) => change(() => editImages(dialect, name, edit)),
    imageKids: () => read(() => rowsByKid('document_images')),

    kidCounts: () => patient.read(() => kidCounts(dialect)),
    putReplica: (row) => note(() => putReplica(dialect, row)),
    replicas: () => read(() => replicas(dialect)),
    putKeyUses: (uses) => note(() => putKeyUses(uses)),
    keyUses: () => read(keyUses),

    position: () => read(statements.position),
    newHistory: (history, atLeast) => change(() => statements.newHistory(history, atLeast)),
    lastSeq: () => read(statements.lastSeq),
    changesSince: (seq) => read(() => statements.changesSince(seq)),
    needsKeyring: () => read(() => statements.needsKeyring(dialect)),
  };
}

import { type TokenContext, tokenRowKid } from '../../../shared/crypto/token-row.ts';
import { openDocument } from '../../at-rest/document-row.ts';
import { openSecret } from '../../at-rest/secret.ts';
import { tryOpen } from '../../at-rest/try-open.ts';
import type { Keyring } from '../../keys/keyring.ts';
import {
  type DocumentKind,
  type DocumentRow,
  isDocumentKind,
  type TokenRow,
} from '../../store/store.ts';
import { nameKey } from '../../store/token-statements.ts';
import { NameLines } from '../bulk/name-lines.ts';

export class OpenedRows {
  readonly kids = new Set<string>();
  documents = 0;
  tokens = 0;
  /** Numbers of rows that do not open, or share a name; rows of the earlier system are not opened. */
  brokenDocuments = 0;
  brokenTokens = 0;
  /** Names that several tokens have: a table without a unique key can, and none of them is released. */
  readonly repeated = new Set<string>();
  readonly #names = new NameLines();
  readonly #keyring: Keyring;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  addDocument(row: DocumentRow): void {
    this.documents += 1;
    if (openedDocument(this.#keyring, row) === undefined) this.brokenDocuments += 1;
    else this.kids.add(row.kid);
  }

  hasToken(name: TokenContext): boolean {
    return this.#names.has(name);
  }

  addToken(row: TokenRow): void {
    this.tokens += 1;
    const kid = tokenRowKid(row.token);
    const opens = kid !== undefined && tryOpen(() => openSecret(this.#keyring, row)) !== undefined;
    if (opens) this.kids.add(kid);
    if (this.#names.add(row, this.tokens) !== undefined) {
      const name = nameKey(row);
      // The first one counted as whole.
      this.brokenTokens += this.repeated.has(name) ? 1 : 2;
      this.repeated.add(name);
    } else if (kid !== undefined && !opens) this.brokenTokens += 1;
  }
}

/** The content of a document of any kind; undefined if it does not open. */
export function openedDocument(keyring: Keyring, row: DocumentRow) {
  const { kind } = row;
  return isDocumentKind(kind)
    ? tryOpen(() => ({ kind, content: openDocument<DocumentKind>(keyring, kind, row) }))
    : undefined;
}

import type { DocumentKind, DocumentName } from '../store/store.ts';

/** Names of a token, or patterns of them. */
export interface TokenName {
  readonly client: string;
  readonly type: string;
}

export interface NewGrant extends TokenName {
  readonly app: string;
  /** Absent: every method. */
  readonly method?: string;
}

/** The facts of each step that an operator can take; each front end spells them in its own words. */
interface Facts {
  apply_migrations: object;
  /** For a change that takes something away. */
  confirm: object;
  drop_documents: object;
  list: { kind: DocumentKind | 'token' };
  list_grants: { app: string };
  create_proxy: object;
  limit_proxy: { id: string };
  create_or_revoke_app: { id: string };
  rotate: { kind: 'app' | 'proxy'; id: string };
  /** For a caller that was revoked. */
  undo_revoked: { kind: 'app' | 'proxy'; id: string };
  rotate_or_revoke: { kind: 'app' | 'proxy' };
  end_overlap: { kind: 'app' | 'proxy'; id: string };
  list_changes: DocumentName;
  /** For a last change that is no change to take back; the one before may have created the document. */
  undo_earlier: DocumentName & { change: number; creates?: boolean };
  /** For a last change that has undone one; `further` is the change before that one. */
  undo_again: DocumentName & { change: number; further?: number | undefined };
  list_keys: object;
  /** For a proxy that tells pins without an RSA key: an operator's, or the thief's of its key. */
  complete_pins: { proxy: string };
  make_key: object;
  rewrap: object;
  count_replicas: object;
  /** For a document that does not open. */
  restore: { kind: DocumentKind; id: string };
  show_type: { type: string };
  /** For a secret without a field that its type injects. */
  give_fields: { type: string; fields: readonly string[] };
  define_type: { type: string; origin?: string | undefined };
  replace_type: { type: string };
  see_policy_examples: object;
  /** For destinations that are private addresses; the CIDR blocks are theirs. */
  allow_addresses: { blocks: readonly string[] };
  list_presets: object;
  define_probe: { type: string };
  /** For an app whose name is not known. */
  grant_probe: TokenName;
  /** For a preset whose access tokens expire. */
  accept_renewal: object;
  /** For a preset that does not say, or cannot, how its token is put on a call. */
  give_injection: object;
  give_destination: { origin: string };
  see_fleet_format: object;
  /** An `http:` origin also needs plaintext to be allowed. */
  allow_destination: { type: string; origin: string };
  add_grant: NewGrant & { path?: string | undefined };
  /** For a path that can be read in two ways, which no path pattern matches. */
  grant_every_path: NewGrant;
  check_legacy_rows: object;
  provide_secret: object;
  restore_elsewhere: object;
  put_token: TokenName;
  /** For a token whose fields do not fill its type. */
  refill_token: TokenName;
  /** For one that filled it before a change. */
  undo_or_refill: TokenName & { change: number };
  /** For a token that does not open. */
  inspect_token: TokenName;
}
export type Action = {
  [Do in keyof Facts]: { readonly do: Do } & Readonly<Facts[Do]>;
}[keyof Facts];

/** Advice on an error or a finding: a sentence, or an {@link Action}. */
export type Suggestion = string | Action;

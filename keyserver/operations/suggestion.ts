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

/** A step that an operator can take, as data: each front end spells it in its own words. */
export type Action =
  | { readonly do: 'apply_migrations' }
  /** For a change that takes something away. */
  | { readonly do: 'confirm' }
  | { readonly do: 'drop_documents' }
  | { readonly do: 'list'; readonly kind: DocumentKind | 'token' }
  | { readonly do: 'list_grants'; readonly app: string }
  | { readonly do: 'create_proxy' }
  | { readonly do: 'limit_proxy'; readonly id: string }
  | { readonly do: 'create_or_revoke_app'; readonly id: string }
  | { readonly do: 'rotate'; readonly kind: 'app' | 'proxy'; readonly id: string }
  /** For a caller that was revoked. */
  | { readonly do: 'undo_revoked'; readonly kind: 'app' | 'proxy'; readonly id: string }
  | { readonly do: 'rotate_or_revoke'; readonly kind: 'app' | 'proxy' }
  | { readonly do: 'end_overlap'; readonly kind: 'app' | 'proxy'; readonly id: string }
  | ({ readonly do: 'list_changes' } & DocumentName)
  /** For a last change that is no change to take back; the one before may have created the document. */
  | ({
      readonly do: 'undo_earlier';
      readonly change: number;
      readonly creates?: boolean;
    } & DocumentName)
  /** For a last change that has undone one; `further` is the change before that one. */
  | ({
      readonly do: 'undo_again';
      readonly change: number;
      readonly further?: number | undefined;
    } & DocumentName)
  | { readonly do: 'list_keys' }
  /** For a proxy that tells pins without an RSA key: an operator's, or the thief's of its key. */
  | { readonly do: 'complete_pins'; readonly proxy: string }
  | { readonly do: 'make_key' }
  | { readonly do: 'rewrap' }
  | { readonly do: 'count_replicas' }
  /** For a document that does not open. */
  | { readonly do: 'restore'; readonly kind: DocumentKind; readonly id: string }
  | { readonly do: 'show_type'; readonly type: string }
  /** For a secret without a field that its type injects. */
  | { readonly do: 'give_fields'; readonly type: string; readonly fields: readonly string[] }
  | { readonly do: 'define_type'; readonly type: string; readonly origin?: string | undefined }
  | { readonly do: 'replace_type'; readonly type: string }
  | { readonly do: 'see_policy_examples' }
  /** For destinations that are private addresses; the CIDR blocks are theirs. */
  | { readonly do: 'allow_addresses'; readonly blocks: readonly string[] }
  | { readonly do: 'list_presets' }
  | { readonly do: 'define_probe'; readonly type: string }
  /** For an app whose name is not known. */
  | ({ readonly do: 'grant_probe' } & TokenName)
  /** For a preset whose access tokens expire. */
  | { readonly do: 'accept_renewal' }
  /** For a preset that does not say, or cannot, how its token is put on a call. */
  | { readonly do: 'give_injection' }
  | { readonly do: 'give_destination'; readonly origin: string }
  | { readonly do: 'see_fleet_format' }
  /** An `http:` origin also needs plaintext to be allowed. */
  | { readonly do: 'allow_destination'; readonly type: string; readonly origin: string }
  | ({ readonly do: 'add_grant'; readonly path?: string | undefined } & NewGrant)
  /** For a path that can be read in two ways, which no path pattern matches. */
  | ({ readonly do: 'grant_every_path' } & NewGrant)
  | { readonly do: 'check_legacy_rows' }
  | { readonly do: 'provide_secret' }
  | { readonly do: 'restore_elsewhere' }
  | ({ readonly do: 'put_token' } & TokenName)
  /** For a token whose fields do not fill its type. */
  | ({ readonly do: 'refill_token' } & TokenName)
  /** For one that filled it before a change. */
  | ({ readonly do: 'undo_or_refill'; readonly change: number } & TokenName)
  /** For a token that does not open. */
  | ({ readonly do: 'inspect_token' } & TokenName);

/** Advice on an error or a finding: a sentence, or an {@link Action}. */
export type Suggestion = string | Action;

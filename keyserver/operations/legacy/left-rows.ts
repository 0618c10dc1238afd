import type { TokenRow } from '../../store/store.ts';
import type { TokenName } from '../suggestion.ts';

/** Names that are kept of a group, since a wrong key leaves every row. */
const maxNames = 100;

/** Why a row is left as it is; `reason` is stable, since scripts decide by it. */
export interface Left {
  readonly reason: string;
  /** The end of a sentence on the row; it never quotes a secret. */
  readonly fault: string;
}

/** Rows that are left for the same reason. */
export interface LeftGroup extends Left {
  readonly rows: number;
  /** Of the first {@link maxNames} rows. */
  readonly names: readonly TokenName[];
}

/** Collects rows that are left, in memory that does not grow with their number. */
export class LeftRows {
  readonly #groups = new Map<string, Left & { rows: number; names: TokenName[] }>();

  add({ clientId: client, tokenType: type }: TokenRow, { reason, fault }: Left): void {
    const group = this.#groups.get(fault) ?? { reason, fault, rows: 0, names: [] };
    this.#groups.set(fault, group);
    group.rows += 1;
    if (group.names.length < maxNames) group.names.push({ client, type });
  }

  groups(): readonly LeftGroup[] {
    return [...this.#groups.values()];
  }
}

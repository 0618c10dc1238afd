import type { TokenContext } from '../../../shared/crypto/token-row.ts';
import type { Store, TokenRow } from '../../store/store.ts';
import { nameKey } from '../../store/token-statements.ts';
import { NameLines } from '../bulk/name-lines.ts';
import { putRows } from '../bulk/put-rows.ts';
import { folded } from '../names-alike.ts';

const batchRows = 1000;

/** Finds names that a table may take for each other: they differ in case, accents, width or spaces at the end alone. */
export class Lookalikes {
  readonly #folded = new NameLines();
  readonly #shared = new Set<string>();

  add(row: TokenContext, line: number): void {
    const name = foldedName(row);
    if (this.#folded.add(name, line) !== undefined) this.#shared.add(nameKey(name));
  }

  /** Adds a row that is in the table, and not among these. */
  addStored(row: TokenContext): void {
    const name = foldedName(row);
    if (this.#folded.has(name)) this.#shared.add(nameKey(name));
  }

  /**
   * Checks, writing and taking back, that the table keeps those among these rows apart, from each other and from those stored.
   * @throws OperationError input_invalid if it does not
   */
  async check(store: Store, rows: AsyncIterable<readonly TokenRow[]>): Promise<void> {
    if (this.#shared.size === 0) return;
    const groups = new Map<string, TokenRow[]>();
    for await (const batch of rows) {
      for (const row of batch) {
        const name = nameKey(foldedName(row));
        if (this.#shared.has(name)) groups.set(name, [...(groups.get(name) ?? []), row]);
      }
    }
    let together: TokenRow[] = [];
    const rehearse = () =>
      putRows(store, { rows: together, isSame: () => false, announce: false, isRehearsal: true });
    for (const group of groups.values()) {
      together.push(...group);
      if (together.length < batchRows) continue;
      await rehearse();
      together = [];
    }
    if (together.length > 0) await rehearse();
  }
}

function foldedName({ clientId, tokenType }: TokenContext): TokenContext {
  return { clientId: folded(clientId), tokenType: folded(tokenType) };
}

import type { AttackClass } from '../scene/attack.ts';

/** A defence, and the change of the sources that takes it away. */
export interface Defence {
  readonly name: string;
  readonly file: string;
  /** Stands in the file once. */
  readonly text: string;
  readonly without: string;
  /** The attacks that are tried then. */
  readonly classes: readonly AttackClass[];
  /** Tests that are run then, for what no attack sees from outside. */
  readonly tests?: readonly string[];
}

import type { Attack } from '../../scene/attack.ts';
import { attacksOnDatabase } from '../../scene/prey.ts';
import { callerRowAttacks } from './callers.ts';
import { tokenRowAttacks } from './tokens.ts';
import { typeAttacks } from './types.ts';

/** What whoever can write to the database tries (docs/protocol.md §6). */
export const databaseAttacks: readonly Attack[] = attacksOnDatabase({
  ...tokenRowAttacks,
  ...typeAttacks,
  ...callerRowAttacks,
});

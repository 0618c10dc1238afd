import type { Attack } from '../attack.ts';
import { attacksOnDatabase } from '../prey.ts';
import { callerRowAttacks } from './database-callers.ts';
import { tokenRowAttacks } from './database-tokens.ts';
import { typeAttacks } from './database-types.ts';

/** What whoever can write to the database tries (docs/protocol.md §6). */
export const databaseAttacks: readonly Attack[] = attacksOnDatabase({
  ...tokenRowAttacks,
  ...typeAttacks,
  ...callerRowAttacks,
});

import type { ReadContext } from '../../operations/context.ts';
import type { AdminCommand } from '../shell/admin-command.ts';

/** Without the option a missing keyring stays a fault: a typing error in KEYRING_DIR must not turn verification off. */
export function addUnverified(command: AdminCommand): AdminCommand {
  return command.option('--unverified', 'read without the keyring, and mark all as not verified');
}

/** Marks what a command shows, if it was not verified: members of values, and cells of tables under their heading. */
export function verificationOf({ keyring }: Pick<ReadContext, 'keyring'>) {
  const isVerified = keyring !== undefined;
  const cells: Readonly<Record<string, string>> = isVerified ? {} : { verified: 'no' };
  return {
    members: isVerified ? {} : { verified: false },
    cells,
    heading: Object.keys(cells),
    cell: Object.values(cells),
    /** Null, as of everything that was not tried. */
    opens: (content: unknown) => (content === undefined ? false : isVerified || null),
  };
}

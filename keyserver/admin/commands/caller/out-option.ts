import type { AdminCommand } from '../admin-command.ts';

/** The option of every command that prints a key. */
export function addOut(command: AdminCommand): AdminCommand {
  return command.option(
    '--out <file>',
    'write the key into this new file, with mode 0600, not to stdout',
  );
}

export interface OutOption {
  readonly out?: string;
}

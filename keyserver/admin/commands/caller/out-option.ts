import type { Command } from 'commander';

/** The option of every command that prints a key. */
export function addOut(command: Command): Command {
  return command.option(
    '--out <file>',
    'write the key into this new file, with mode 0600, not to stdout',
  );
}

export interface OutOption {
  readonly out?: string;
}

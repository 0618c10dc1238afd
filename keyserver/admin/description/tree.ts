import type { EventEmitter } from 'node:events';
import type { Argument, Command, Option } from 'commander';

/** A command as it is described: in a man page, and to a shell that completes it. */
export interface CommandNode {
  /** Its words after the program's name; empty for the program. */
  readonly path: readonly string[];
  readonly usage: string;
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly ArgumentNode[];
  readonly options: readonly OptionNode[];
  /** The help's end, after the options: examples, and the program's exit codes. */
  readonly closing: string;
  readonly commands: readonly CommandNode[];
}

interface ArgumentNode {
  readonly name: string;
  readonly text: string;
  /** The only values that it may have, if they are few. */
  readonly choices: readonly string[];
}

export interface OptionNode {
  /** `-f` and `--file`. */
  readonly names: readonly string[];
  /** `-f, --file <path>`. */
  readonly flags: string;
  readonly text: string;
  readonly value: ValueKind;
}

/** The value that an option takes, as far as a shell can complete it. */
type ValueKind = 'none' | 'file' | 'folder' | 'other' | readonly string[];

const valueKinds: Readonly<Record<string, ValueKind>> = {
  '<path>': 'file',
  '<file>': 'file',
  '<folder>': 'folder',
};

export function describeCommand(command: Command, above: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  const path = command.parent === null ? [] : [...above, command.name()];
  const options = help.visibleOptions(command);
  return {
    path,
    usage: help.commandUsage(command),
    summary: command.summary() || command.description(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument: Argument) => ({
      name: argument.name(),
      text: help.argumentDescription(argument),
      choices: argument.argChoices ?? [],
    })),
    options: options.map((option) => ({
      names: [option.short, option.long].filter((name) => name != null),
      flags: option.flags,
      text: help.optionDescription(option),
      value: valueKind(option),
    })),
    closing: closingOf(command),
    commands: command.commands.map((one) => describeCommand(one, path)),
  };
}

export function allCommands(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(allCommands)];
}

function valueKind({ flags, required, optional, argChoices }: Option): ValueKind {
  if (!required && !optional) return 'none';
  const [placeholder = ''] = /<[^>]+>/.exec(flags) ?? [];
  return argChoices ?? valueKinds[placeholder] ?? 'other';
}

/** Commander keeps the texts of `addHelpText` in its listeners alone. */
function closingOf(command: Command): string {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  (command as unknown as EventEmitter).emit('afterHelp', { error: false, command, write });
  return text.trim();
}

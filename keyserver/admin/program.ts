import { debuglog } from 'node:util';
import { Argument, type Command, CommanderError, Option } from 'commander';
import { systemClock } from '../../shared/clock.ts';
import { version } from '../../shared/settings/version.ts';
import { type CommandName, definitions, summaries } from './command-rows.ts';
import type { Shell } from './description/completion.ts';
import { AdminCommand } from './shell/admin-command.ts';
import { exitCodes } from './shell/exit-codes.ts';
import type { AdminIo } from './shell/io.ts';
import { Output } from './shell/output.ts';
import { Session } from './shell/session.ts';
import { type Format, json, yaml } from './shell/text/format.ts';

const debug = debuglog('keyserver-admin');

const description = `The operator's tool of KeyServer: tokens, token types, apps, proxies and grants.
It works on the database and key files directly; a running KeyServer applies changes within a second.`;

const closing = `
Settings: DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME or DB_FILE, and KEYRING_DIR, from the
environment over .env; .data/ of the working directory if neither DB_HOST nor DB_FILE is set.

Exit codes:
  0   success
  1   not found, does not open, doctor found faults, or explain found that the call is rejected
  2   usage or input is not valid, or needs --yes; for plan: there are changes
  3   settings or key files cannot be used
  4   the database is unavailable or not migrated
  70  a bug of the tool
  74  the result cannot be written; a new key that cannot be written is not created

Examples:
  $ keyserver-admin migrate
  $ keyserver-admin type put wildberries --destination https://api.example.com --header 'Authorization: {token}'
  $ keyserver-admin token put --client shop-1 --type wildberries < token.txt
  $ keyserver-admin app create reports --out reports.key
  $ keyserver-admin grant add reports --client 'shop-*' --type wildberries --method GET
  $ keyserver-admin doctor
  $ keyserver-admin explain --app reports --client shop-1 --type wildberries --method GET --url https://api.example.com/v1/orders
`;

/** Runs one command and resolves to its exit code; never rejects. `argv` has no program name. */
export async function runAdmin(argv: readonly string[], io: AdminIo): Promise<number> {
  const out = new Output(io);
  const session = new Session(io, out);
  // Exit code 2 of plan says that there are changes: a misspelt option must not, wherever it is.
  if (argv.find((word) => Object.hasOwn(summaries, word)) === 'plan') session.usageExitCode = 1;
  try {
    await buildProgram(session).parseAsync(helpRequested(argv), { from: 'user' });
    return session.exitCode;
  } catch (thrown) {
    // Help was requested and printed.
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    const { toFailure } = await import('./shell/failure.ts');
    const failure = toFailure((await misspeltOption(thrown, argv, session)) ?? thrown);
    // Usage errors quote arguments, which may be misplaced secrets.
    if (failure.code !== 'usage') debug('%O', thrown);
    out.failure(failure);
    const exitCode = exitCodes[failure.code];
    return exitCode === 2 ? session.usageExitCode : exitCode;
  }
}

/** `help token` as `token --help`: commander's own help command would not load the command. */
function helpRequested([first, ...rest]: readonly string[]): string[] {
  if (first === 'help') return [...rest, '--help'];
  return first === undefined ? [] : [first, ...rest];
}

/**
 * Commander misses a required option before it sees that an option is misspelt, which is the reason for
 * both: parses again without required options, and without doing anything.
 */
async function misspeltOption(
  thrown: unknown,
  argv: readonly string[],
  session: Session,
): Promise<CommanderError | undefined> {
  if (!(thrown instanceof CommanderError)) return undefined;
  if (thrown.code !== 'commander.missingMandatoryOptionValue') return undefined;
  try {
    await buildProgram(session, relax).parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.unknownOption') return error;
  }
  return undefined;
}

function relax(command: Command): void {
  for (const option of command.options) option.mandatory = false;
  if (command.commands.length === 0) command.action(() => {});
  for (const one of command.commands) relax(one);
}

/** The program, whose commands are defined once they are run, and then given to `defined`. */
function buildProgram(
  session: Session,
  defined: (command: Command) => void = () => {},
): AdminCommand {
  const formatOption = new Option(
    '-o, --output <format>',
    'print text, or one value in JSON or YAML',
  );
  formatOption.choices(['table', 'json', 'yaml']);
  const program = new AdminCommand('keyserver-admin')
    .description(description)
    .version(`keyserver-admin ${version}`, '--version', 'print the version')
    .option('--json', 'print one JSON value')
    .addOption(formatOption)
    .configureHelp({ showGlobalOptions: true })
    // Errors are printed once, by runAdmin.
    .configureOutput({ writeOut: (text) => session.out.print(text), writeErr: () => {} })
    .exitOverride()
    .addHelpText('after', closing);
  // From the options themselves, so that an error that comes before a command has the format, too.
  program.on('option:json', () => {
    session.out.format = json;
  });
  program.on('option:output', (format: string) => {
    session.out.format = format === 'table' ? undefined : json;
  });
  for (const [name, summary] of Object.entries(summaries)) {
    program.command(name).summary(summary).description(summary);
  }
  addCompletion(program, session);
  return program.hook('preSubcommand', async (_, command) => {
    if (program.opts().output === 'yaml') session.out.format = await loadYaml();
    await define(command, session);
    defined(command);
  });
}

/** YAML, whose strings readers of YAML 1.1 read as strings, too: `no` and a date are others there. */
async function loadYaml(): Promise<Format> {
  const { stringify } = await import('yaml');
  return yaml((value) => stringify(value, { compat: 'yaml-1.1' }));
}

function addCompletion(program: AdminCommand, session: Session): void {
  program
    .command('completion')
    .summary("print a shell's completion of this tool")
    .description(
      `Prints a script that completes commands, options and files of this tool. It starts no program, so that
completing takes no time, and knows no names of what is stored.`,
    )
    .addArgument(new Argument('<shell>', 'which').choices(['bash', 'zsh', 'fish']))
    .examples(
      'source <(keyserver-admin completion bash)',
      'keyserver-admin completion zsh > ~/.zfunc/_keyserver-admin',
      'keyserver-admin completion fish > ~/.config/fish/completions/keyserver-admin.fish',
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./description/completion.ts');
      const { describeCommand } = await import('./description/tree.ts');
      session.out.print(completionScript(shell, describeCommand(await wholeProgram())));
    });
}

async function define(command: Command, session: Session): Promise<void> {
  const load = definitions[command.name() as CommandName];
  (await load?.())?.(command as AdminCommand, session);
}

/** The program with all its commands, to be described and not run. */
export async function wholeProgram(): Promise<Command> {
  const io: AdminIo = {
    environment: {},
    folder: '.',
    stdin: (async function* () {})(),
    stdinIsTerminal: false,
    writeStdout: () => {},
    writeStderr: () => {},
    clock: systemClock,
  };
  const session = new Session(io, new Output(io));
  const program = buildProgram(session);
  for (const command of program.commands) await define(command, session);
  return program;
}

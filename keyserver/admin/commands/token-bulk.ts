import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { secretFileFault } from '../../../shared/settings/file-mode.ts';
import { exportTokens } from '../../operations/bulk/export.ts';
import { importTokens } from '../../operations/bulk/import.ts';
import { readRows } from '../../operations/bulk/read-rows.ts';
import { TextBuffer } from '../../operations/bulk/text-buffer.ts';
import { count } from '../../operations/count.ts';
import { inputInvalid } from '../../operations/operation-error.ts';
import type { TokenName } from '../../operations/suggestion.ts';
import { writeNewFile } from '../bulk/new-file.ts';
import { withProgress } from '../bulk/progress.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import { faultsFoundExitCode } from '../shell/exit-codes.ts';
import { namedFile, readable } from '../shell/input-file.ts';
import type { Session } from '../shell/session.ts';

interface ImportOptions {
  readonly file?: string;
  readonly dryRun?: boolean;
}

export function addImport(token: AdminCommand, session: Session): void {
  const { io, out } = session;
  token
    .command('import')
    .summary('store or replace many tokens')
    .description(
      `Stores or replaces many tokens, from stdin or a file: lines of JSON, or CSV with the names of its columns in the
first row. client and type name a token; secret is what token put takes, or in JSON an object of its fields; a column
secret.FIELD has one field; expires is optional. All rows are judged first, and a fault anywhere changes nothing. Up to
10,000 rows are stored together or not at all; more in batches: if it ends early, run it again, and it goes on. Rows that
are stored already stay as they are. Exit code 2 if a row cannot be stored.`,
    )
    .option('--file <path>', 'read this file, not stdin')
    .option('--dry-run', 'judge all rows and tell what would change, and change nothing')
    .examples(
      'keyserver-admin token import --file tokens.csv --dry-run',
      'keyserver-admin token import < tokens.jsonl',
      `printf '%s\\n' '{"client":"shop-1","type":"wildberries","secret":"…","expires":"2030-01-31"}' | keyserver-admin token import`,
    )
    .action(async ({ dryRun = false, ...options }: ImportOptions) => {
      const file = namedFile(options.file);
      const source = file === undefined ? io.stdin : openFile(session, file);
      if (file === undefined && io.stdinIsTerminal)
        out.note('reading rows from stdin: end them with Enter and Ctrl-D');
      await session.withContext(async (context) => {
        let stored = 0;
        try {
          const result = await withProgress(io, (progress) =>
            importTokens(context, readRows(source), {
              dryRun,
              progress: (phase, done, total) => {
                if (phase === 'stored') stored = done;
                progress(phase, done, total);
              },
            }),
          );
          tell(session, result, dryRun);
        } catch (error) {
          if (stored > 0)
            out.note(`${count(stored, 'row')} are stored: run the same command again to go on`);
          throw error;
        }
      });
    });
}

interface ExportOptions extends Partial<TokenName> {
  readonly sealed?: boolean;
  readonly out?: string;
}

export function addExport(token: AdminCommand, session: Session): void {
  const { io, out } = session;
  token
    .command('export')
    .summary('write sealed tokens as lines of JSON')
    .description(
      `Writes tokens as they lie, sealed, as lines of JSON that token import takes with the same keyring. None is opened,
and none is readable without the keyring. Exit code 1 if rows are not sealed: they are left out.`,
    )
    .option('--sealed', 'confirms that they are sealed; there is no other way')
    .option('--client <id>', 'only of this client')
    .option('--type <type>', 'only of this type')
    .option('--out <file>', 'write a new file, not stdout')
    .examples('keyserver-admin token export --sealed --type wildberries --out wildberries.jsonl')
    .action(async ({ sealed, out: option, ...names }: ExportOptions) => {
      const file = namedFile(option);
      if (sealed !== true)
        throw inputInvalid('tokens leave the database sealed only', 'add --sealed');
      await session.withContext(async (context) => {
        const result = await (file === undefined
          ? printed(session, (write) => exportTokens(context, names, write))
          : withProgress(io, (progress) =>
              writeNewFile(resolve(io.folder, file), (write) =>
                exportTokens(context, names, write, progress),
              ),
            ));
        const { rows, leftOut } = result;
        if (leftOut > 0) {
          session.exitCode = faultsFoundExitCode;
          out.note(`left out because they are not sealed: ${count(leftOut, 'row')}`);
        }
        if (file !== undefined)
          out.result({ file, ...result }, `exported ${count(rows, 'token')} to ${file}`);
      });
    });
}

async function printed<T>(
  { out }: Session,
  work: (write: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const buffer = new TextBuffer(async (text) => out.print(text));
  const result = await work((text) => buffer.write(text));
  await buffer.flush();
  return result;
}

type Imported = Awaited<ReturnType<typeof importTokens>>;

function tell({ out }: Session, result: Imported, dryRun: boolean): void {
  const { rows, added, replaced, unchanged, warnings, warningCount } = result;
  out.warn(warnings);
  if (warningCount > warnings.length)
    out.note(`warning: and ${warningCount - warnings.length} more`);
  const counts = `${added} added, ${replaced} replaced, ${unchanged} unchanged`;
  const done = dryRun ? 'would import' : 'imported';
  out.result({ ...result, dryRun }, `${done} ${count(rows, 'row')}: ${counts}`);
}

function openFile({ io, out }: Session, file: string): AsyncIterable<Uint8Array> {
  const path = resolve(io.folder, file);
  const fault = secretFileFault(path);
  if (fault !== undefined) out.note(`warning: ${fault}`);
  const stream = () => createReadStream(path, { highWaterMark: 262_144 });
  return readable(stream, 'the file that --file names', 'name a file of rows');
}

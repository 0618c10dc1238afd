import { Readable } from 'node:stream';
import type { CsvError, Info, Parser } from 'csv-parse';
import { memberNames, type RawRow, type RowFault } from './raw-rows.ts';

/** A column of this prefix has one field of the secret. */
const fieldPrefix = 'secret.';

/**
 * The rows of a CSV file (RFC 4180) whose first row names the columns: `client`, `type`, `expires`, and `secret` or
 * `secret.FIELD` for each field. Empty cells are absent members.
 * @param maxBytes longest row
 */
export async function* csvRows(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<RawRow | RowFault> {
  let columns: readonly string[] | undefined;
  let line = 0;
  try {
    for await (const { record, info } of await parsed(source, maxBytes)) {
      line = info.lines;
      if (columns !== undefined) {
        yield record.length === columns.length
          ? { line, members: membersOf(columns, record) }
          : { line, fault: `it has ${record.length} cells, and the first row ${columns.length}` };
        continue;
      }
      columns = record;
      const fault = columnsFault(columns);
      if (fault === undefined) continue;
      yield { line, fault };
      return;
    }
  } catch (error) {
    const { code, lines = line + 1 } = error as CsvError & Partial<Info>;
    if (code === undefined) throw error;
    // Its message can quote a cell.
    yield { line: lines, fault: faultOf(code) };
  }
}

async function parsed(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<AsyncIterable<{ record: string[]; info: Info }>> {
  const { parse } = await import('csv-parse');
  const parser: Parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxBytes,
  });
  const input = Readable.from(decoded(source));
  input.on('error', (error) => parser.destroy(error));
  return input.pipe(parser);
}

/** The parser itself would replace bytes that are no text, and so change a secret. */
async function* decoded(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for await (const chunk of source) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

function faultOf(code: string): string {
  if (code === 'CSV_MAX_RECORD_SIZE') return 'it is too long';
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
    ? 'this or a later one is not text in UTF-8'
    : 'it is not CSV: a cell with quotes must begin and end with one, and double those inside';
}

/** By number: without a first row of names, a cell is a secret. */
function columnsFault(columns: readonly string[]): string | undefined {
  if (columns.some((name) => name.includes('\0'))) return 'it is not text in UTF-8, but in UTF-16';
  const [only = '', ...others] = columns;
  if (others.length === 0 && /[;\t]/.test(only))
    return 'its cells are separated by semicolons or tabs: separate them by commas';
  const isUnknown = (name: string) => !memberNames.includes(name) && !name.startsWith(fieldPrefix);
  const unknown = columns.findIndex(isUnknown);
  if (unknown >= 0)
    return `column ${unknown + 1} is none of ${memberNames.join(', ')}, ${fieldPrefix}FIELD`;
  const again = columns.findIndex((name, i) => columns.indexOf(name) !== i);
  if (again >= 0) return `column ${again + 1} has the name of another`;
  return columns.includes('secret') && columns.some((name) => name.startsWith(fieldPrefix))
    ? 'there is a column secret beside those of its fields'
    : undefined;
}

function membersOf(columns: readonly string[], record: readonly string[]): RawRow['members'] {
  const members: [name: string, cell: string][] = [];
  const fields: [name: string, cell: string][] = [];
  for (const [i, column] of columns.entries()) {
    const cell = record[i] ?? '';
    if (cell === '') continue;
    if (column.startsWith(fieldPrefix)) fields.push([column.slice(fieldPrefix.length), cell]);
    else members.push([column, cell]);
  }
  // Not set one by one, since that would lose a field `__proto__`.
  return {
    ...Object.fromEntries(members),
    ...(fields.length > 0 && { secret: Object.fromEntries(fields) }),
  };
}

import { Compile } from '../../../shared/schema/compile.ts';
import { ClosedObject, type Static, Type } from '../../../shared/schema/type.ts';
import { maxBodyChars } from '../../store/documents/document-tables.ts';
import type { DocumentRow, TokenRow } from '../../store/store.ts';
import { sealedRow } from '../bulk/sealed-line.ts';

// A backup is lines of JSON: a header and the MAC of its line; documents; tokens; a footer and the MAC of all before.

const HeaderSchema = ClosedObject({
  backup: Type.Literal('skb1'),
  /** ISO 8601. */
  createdAt: Type.String(),
  /** The key that both MACs are under. */
  kid: Type.String(),
  /** Of the snapshot. */
  history: Type.String(),
  seq: Type.Integer(),
});
const FooterSchema = ClosedObject({
  documents: Type.Integer(),
  tokens: Type.Integer(),
  /** The keys that open any of them. */
  kids: Type.Array(Type.String()),
});
const MacSchema = ClosedObject({ mac: Type.String() });
const DocumentSchema = ClosedObject({
  kind: Type.String(),
  id: Type.String(),
  // Null stands for a row whose revision is no integer.
  revision: Type.Union([Type.Integer(), Type.Null()]),
  kid: Type.String(),
  body: Type.String(),
  mac: Type.String(),
});
export type BackupHeader = Static<typeof HeaderSchema>;
type BackupFooter = Static<typeof FooterSchema>;

const validators = {
  header: Compile(HeaderSchema),
  footer: Compile(FooterSchema),
  mac: Compile(MacSchema),
  document: Compile(DocumentSchema),
};

/** Longest line: a document of which every character is escaped. */
export const maxBackupLineBytes = maxBodyChars * 6 + 65_536;

/** A line of a backup; undefined if it has another form. */
export type BackupLine =
  | { readonly header: BackupHeader }
  | { readonly footer: BackupFooter }
  | { readonly mac: string }
  | { readonly document: DocumentRow }
  | { readonly token: TokenRow };

export function parseBackupLine(bytes: Buffer | undefined): BackupLine | undefined {
  let line: unknown;
  try {
    line = JSON.parse(bytes?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
  const token = sealedRow(line);
  if (token !== undefined) return { token };
  if (validators.document.Check(line)) {
    return { document: { ...line, revision: line.revision ?? Number.NaN } };
  }
  if (validators.mac.Check(line)) return { mac: line.mac };
  if (validators.footer.Check(line)) return { footer: line };
  return validators.header.Check(line) ? { header: line } : undefined;
}

export function backupLine(
  value: BackupHeader | BackupFooter | { readonly mac: string } | DocumentRow,
): string {
  return `${JSON.stringify(value)}\n`;
}

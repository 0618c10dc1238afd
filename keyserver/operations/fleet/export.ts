import { Document, Scalar, visit } from 'yaml';
import { controls } from '../../../shared/names.ts';
import { canonicalGrant } from '../../../shared/policy/grant-id.ts';
import { StoredDocuments } from '../changes/drafts.ts';
import type { ReadContext } from '../context.ts';
import { doesNotOpen } from '../documents.ts';
import type { Fleet } from './schema.ts';

/** All types, apps and proxies, without keys, as a file of them. @throws OperationError integrity_failed */
export async function exportFleet(context: ReadContext): Promise<Fleet> {
  const stored = await StoredDocuments.read(context);
  for (const kind of ['type', 'app', 'proxy'] as const) {
    const broken = stored.ids(kind).find((id) => stored.get(kind, id).before === undefined);
    if (broken !== undefined) throw doesNotOpen(kind, broken);
  }
  return {
    types: Object.fromEntries(stored.all('type')),
    apps: Object.fromEntries(
      [...stored.all('app')].map(([id, { direct, bound, grants }]) => [
        id,
        {
          ...(direct && { direct }),
          ...(bound && { bound }),
          grants: inOrder(grants.map(canonicalGrant)),
        },
      ]),
    ),
    proxies: Object.fromEntries(
      [...stored.all('proxy')].map(([id, { keys, ...limits }]) => [id, limits]),
    ),
  };
}

/** So that two exports differ only in what differs. */
function inOrder<T>(values: readonly T[]): T[] {
  return values.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}

const unprintable = new RegExp(`(?!\n)${controls.source}`);

/** YAML with comments above it, printable: control characters are escaped. */
export function toYaml(fleet: Fleet, heading: readonly string[]): string {
  const document = new Document(fleet, { aliasDuplicateObjects: false, compat: 'yaml-1.1' });
  document.commentBefore = heading.map((line) => ` ${line}`).join('\n');
  visit(document, {
    Scalar: (_, scalar) => {
      // The only form with escapes.
      if (unprintable.test(String(scalar.value))) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document
    .toString({ lineWidth: 0 })
    .trimEnd()
    .replace(new RegExp(unprintable, 'g'), escaped);
}

/** As YAML 1.2 has it in double quotes (§5.7). */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

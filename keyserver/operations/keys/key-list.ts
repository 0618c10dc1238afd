import { isLive } from '../../replicas/report.ts';
import type { OperationContext } from '../context.ts';
import { readReplicas } from './confirm.ts';
import { type KeyKind, readKeyFolder } from './key-folder.ts';

export interface ListedKey {
  readonly kind: KeyKind;
  readonly name: string;
  /** The id by which it is published; null for an at-rest key, which is known by its name. */
  readonly id: string | null;
  readonly primary: boolean;
  /** False if rows or KeyServers have it, and the folder lacks it. */
  readonly inFolder: boolean;
  /** Number of live processes that have loaded it, and of those that use it as their primary key. */
  readonly loadedBy: number;
  readonly primaryOf: number;
  /** Numbers of rows that it sealed; null for an RSA key. */
  readonly tokens: number | null;
  readonly documents: number | null;
}

export interface ListedReplica {
  readonly host: string;
  readonly instance: string;
  readonly workers: number;
  readonly version: string;
  readonly seq: number;
  readonly ageSeconds: number;
}

/** Lists the keys of the folders, and those that rows or live KeyServers have. @throws ConfigError */
export async function listKeys(
  context: OperationContext,
  folders: readonly (readonly [KeyKind, string])[],
): Promise<{ keys: ListedKey[]; replicas: ListedReplica[] }> {
  const live = (await readReplicas(context)).filter(isLive);
  const reports = live.flatMap(({ report, ageSeconds }) =>
    report ? [{ ...report, ageSeconds }] : [],
  );
  const counts = new Map((await context.store.kidCounts()).map((one) => [one.kid, one]));
  const keys: ListedKey[] = [];
  for (const [kind, path] of folders) {
    const folder = await readKeyFolder(kind, path);
    const theirs = reports.map((report) => (kind === 'at-rest' ? report.atRest : report.rsa));
    const list = (name: string, id: string): ListedKey => ({
      kind,
      name,
      id: kind === 'rsa' ? id : null,
      primary: folder.primary === name,
      inFolder: folder.keys.has(name),
      loadedBy: theirs.filter((one) => one.keys.includes(id)).length,
      primaryOf: theirs.filter(({ primary }) => primary === id).length,
      tokens: kind === 'rsa' ? null : (counts.get(id)?.tokens ?? 0),
      documents: kind === 'rsa' ? null : (counts.get(id)?.documents ?? 0),
    });
    const known = new Set(folder.keys.values());
    const others = new Set([
      ...theirs.flatMap((one) => one.keys),
      ...(kind === 'at-rest' ? counts.keys() : []),
    ]);
    keys.push(
      ...[...folder.keys].map(([name, id]) => list(name, id)),
      ...[...others].filter((id) => !known.has(id)).map((id) => list(id, id)),
    );
  }
  return {
    keys,
    replicas: reports.map(({ host, instance, workers, version, seq, ageSeconds }) => ({
      host,
      instance,
      workers,
      version,
      seq,
      ageSeconds,
    })),
  };
}

import { kidOf } from '../../keys/keyring.ts';
import { isLive, type Report } from '../../replicas/report.ts';
import type { OperationContext } from '../context.ts';
import { readReplicas } from './confirm.ts';
import { type KeyKind, readKeyFolder } from './key-folder.ts';

export interface ListedKey {
  readonly kind: KeyKind;
  readonly name: string;
  /** The id by which KeyServers report it, and RSA keys are published; null for a key that only rows name. */
  readonly id: string | null;
  readonly primary: boolean;
  /** False if rows or KeyServers have it, and the folder lacks it. */
  readonly inFolder: boolean;
  /** Number of live processes that have loaded it, and of those that use it as their primary key. */
  readonly loadedBy: number;
  readonly primaryOf: number;
  /** Proxies whose pins lack this RSA key, so that all their calls would fail if it were published. */
  readonly rejectedBy: readonly string[];
  /** Numbers of rows that it sealed; null for an RSA key. */
  readonly tokens: number | null;
  readonly documents: number | null;
  readonly images: number | null;
}

interface ListedReplica {
  readonly host: string;
  readonly instance: string;
  readonly workers: number;
  readonly version: string;
  readonly seq: number;
  readonly ageSeconds: number;
}

function rejecting(reports: readonly Pick<Report, 'rejectedBy'>[], keyId: string): string[] {
  return [...new Set(reports.flatMap(({ rejectedBy }) => rejectedBy?.[keyId] ?? []))].sort();
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
  const images = await context.store.imageKids();
  const keys: ListedKey[] = [];
  for (const [kind, path] of folders) {
    const folder = await readKeyFolder(kind, path);
    const theirs = reports.map((report) => (kind === 'at-rest' ? report.atRest : report.rsa));
    const list = (name: string, id: string | null): ListedKey => ({
      kind,
      name,
      id,
      primary: folder.primary === name && folder.keys.get(name) === id,
      inFolder: folder.keys.get(name) === id,
      loadedBy: theirs.filter((one) => id !== null && one.keys.includes(id)).length,
      primaryOf: theirs.filter(({ primary }) => primary === id).length,
      rejectedBy: kind === 'rsa' && id !== null ? rejecting(reports, id) : [],
      tokens: kind === 'rsa' ? null : (counts.get(name)?.tokens ?? 0),
      documents: kind === 'rsa' ? null : (counts.get(name)?.documents ?? 0),
      images: kind === 'rsa' ? null : (images.get(name) ?? 0),
    });
    const own = new Set(folder.keys.values());
    const others = new Set(theirs.flatMap((one) => one.keys)).difference(own);
    const named = new Set([...own, ...others].map(kidOf));
    keys.push(
      ...[...folder.keys].map(([name, id]) => list(name, id)),
      ...[...others].map((id) => list(kidOf(id), id)),
      ...[...(kind === 'rsa' ? [] : new Set([...counts.keys(), ...images.keys()]))]
        .filter((kid) => !named.has(kid))
        .map((kid) => list(kid, null)),
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

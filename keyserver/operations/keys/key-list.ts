import { kidOf } from '../../keys/keyring.ts';
import { isLive, type Report } from '../../replicas/report.ts';
import type { OperationContext } from '../context.ts';
import { readReplicas } from './confirm.ts';
import { type KeyKind, readKeyFolder } from './key-folder.ts';

type Listed = Awaited<ReturnType<typeof listKeys>>;
export type ListedKey = Listed['keys'][number];

function rejecting(reports: readonly Pick<Report, 'rejectedBy'>[], keyId: string): string[] {
  return [...new Set(reports.flatMap(({ rejectedBy }) => rejectedBy?.[keyId] ?? []))].sort();
}

/** Lists the keys of the folders, and those that rows or live KeyServers have. @throws ConfigError */
export async function listKeys(
  context: OperationContext,
  folders: readonly (readonly [KeyKind, string])[],
) {
  const live = (await readReplicas(context)).filter(isLive);
  const reports = live.flatMap(({ report, ageSeconds }) =>
    report ? [{ ...report, ageSeconds }] : [],
  );
  const counts = new Map((await context.store.kidCounts()).map((one) => [one.kid, one]));
  const images = await context.store.imageKids();
  const lists = folders.map(async ([kind, path]) => {
    const folder = await readKeyFolder(kind, path);
    const theirs = reports.map((report) => (kind === 'at-rest' ? report.atRest : report.rsa));
    // Its id is the one by which KeyServers report it; null for a key that only rows name.
    const list = (name: string, id: string | null) => ({
      ...{ kind, name, id },
      primary: folder.primary === name && folder.keys.get(name) === id,
      /** False if rows or KeyServers have it, and the folder lacks it. */
      inFolder: folder.keys.get(name) === id,
      /** Numbers of live processes. */
      loadedBy: theirs.filter(({ keys }) => id !== null && keys.includes(id)).length,
      primaryOf: theirs.filter(({ primary }) => primary === id).length,
      /** Proxies whose pins lack this RSA key, so that all their calls would fail if it were published. */
      rejectedBy: kind === 'rsa' && id !== null ? rejecting(reports, id) : [],
      /** Numbers of rows that it sealed; null for an RSA key. */
      tokens: kind === 'rsa' ? null : (counts.get(name)?.tokens ?? 0),
      documents: kind === 'rsa' ? null : (counts.get(name)?.documents ?? 0),
      images: kind === 'rsa' ? null : (images.get(name) ?? 0),
    });
    const own = new Set(folder.keys.values());
    const others = new Set(theirs.flatMap((one) => one.keys)).difference(own);
    const named = new Set([...own, ...others].map(kidOf));
    return [
      ...[...folder.keys].map(([name, id]) => list(name, id)),
      ...[...others].map((id) => list(kidOf(id), id)),
      ...[...(kind === 'rsa' ? [] : new Set([...counts.keys(), ...images.keys()]))]
        .filter((kid) => !named.has(kid))
        .map((kid) => list(kid, null)),
    ];
  });
  return {
    keys: (await Promise.all(lists)).flat(),
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

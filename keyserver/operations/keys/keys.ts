import { makeAtRestKey, makeRsaKey } from '../../keys/generate.ts';
import { kidOf } from '../../keys/keyring.ts';
import type { Report } from '../../replicas/report.ts';
import type { OperationContext } from '../context.ts';
import { count } from '../count.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import { type ConfirmOptions, confirm, type Objection, readReplicas } from './confirm.ts';
import {
  addKey,
  isRetired,
  type KeyKind,
  keyIdOf,
  moveToRetired,
  readKeyFolder,
  setPrimary,
} from './key-folder.ts';
import { describeNeeds } from './needs.ts';

/** Tickets live for 600 s, and clocks may be 60 s apart. */
const retireAfterSeconds = 660;

/** Makes a key that is not in use yet; `content` must be distributed if the folder cannot be written. @throws ConfigError */
export async function newKey(kind: KeyKind, path: string, now: Date) {
  const folder = await readKeyFolder(kind, path);
  const content = kind === 'at-rest' ? makeAtRestKey() : await makeRsaKey();
  const { name, isWritten } = addKey(folder, content, now);
  const file = name + folder.extension;
  return { name, file, folder: path, content: isWritten ? undefined : content };
}

interface StepOptions extends Pick<ConfirmOptions, 'pause'> {
  readonly kind: KeyKind;
  readonly path: string;
  readonly name: string;
  /** Number of KeyServers that run. */
  readonly replicas: number;
}

export interface Step {
  /** False if the folder cannot be written, so that its files must be changed where they come from. */
  readonly isWritten: boolean;
  /** False if there was nothing to do. */
  readonly isNew: boolean;
  readonly confirmedBy: readonly string[];
}

/**
 * Makes a key the primary one, once so many KeyServers have loaded it.
 * @throws OperationError input_invalid, not_confirmed; ConfigError
 */
export async function promoteKey(
  context: OperationContext,
  { kind, path, name, replicas, pause }: StepOptions,
): Promise<Step> {
  const folder = await readKeyFolder(kind, path);
  const id = keyIdOf(folder, name);
  const confirmedBy = await confirm(context, {
    needed: replicas,
    pause,
    objection: (report) => {
      const { keys } = keysOf(report, kind);
      if (keys.includes(id)) return kind === 'rsa' ? rejection(report, id) : undefined;
      const why = keys.some((one) => kidOf(one) === name)
        ? `has another key of the name ${name}: copy the file, make none there`
        : `has not loaded the key ${name}`;
      return { why };
    },
  });
  if (folder.primary === name) return { isWritten: true, isNew: false, confirmedBy };
  return { isWritten: setPrimary(folder, name), isNew: true, confirmedBy };
}

/** Why publishing an RSA key would end calls of proxies. */
function rejection({ rejectedBy = {} }: Report, keyId: string): Objection | undefined {
  const proxies = rejectedBy[keyId] ?? [];
  const [proxy] = proxies;
  if (proxy === undefined) return undefined;
  const names = proxies.map((id) => JSON.stringify(id)).join(', ');
  return {
    why: `is asked by a proxy whose pins lack ${keyId}, so that all its calls would fail: ${names}`,
    suggestion: { do: 'complete_pins', proxy },
  };
}

/**
 * Takes a key out of use, once so many KeyServers have another primary and nothing needs it. The file is kept for
 * backups. @throws OperationError input_invalid, not_confirmed, key_in_use; ConfigError
 */
export async function retireKey(
  context: OperationContext,
  { kind, path, name, replicas, pause }: StepOptions,
): Promise<Step> {
  const folder = await readKeyFolder(kind, path);
  if (isRetired(folder, name)) return { isWritten: true, isNew: false, confirmedBy: [] };
  const id = keyIdOf(folder, name);
  if (folder.primary === name) {
    throw new OperationError(
      'key_in_use',
      `${name} is the primary key`,
      'promote another one first',
    );
  }
  if (kind === 'at-rest') await checkUnneeded(context, name);
  const confirmedBy = await confirm(context, {
    needed: replicas,
    pause,
    objection: (report) =>
      isSameName(keysOf(report, kind).primary, id)
        ? { why: `still uses ${name} as its primary key` }
        : undefined,
  });
  await checkRested(context, kind, id);
  // Once more: somebody may have stored a row meanwhile.
  if (kind === 'at-rest') await checkUnneeded(context, name);
  return { isWritten: moveToRetired(folder, name), isNew: true, confirmedBy };
}

async function checkUnneeded({ store }: OperationContext, kid: string): Promise<void> {
  const needs = (await store.kidCounts()).find((one) => one.kid === kid);
  const images = (await store.imageKids()).get(kid) ?? 0;
  if (needs === undefined && images === 0) return;
  throw new OperationError(
    'key_in_use',
    `${describeNeeds({ tokens: 0, documents: 0, ...needs, images })} the key ${kid}`,
    { do: 'rewrap' },
  );
}

/** @throws OperationError key_in_use while a ticket or a session may be open that the key sealed */
async function checkRested(context: OperationContext, kind: KeyKind, id: string): Promise<void> {
  const now = context.clock.now();
  const used = (await readReplicas(context)).flatMap(({ kid, report, ageSeconds }) => {
    const seenAt = now - ageSeconds * 1000;
    if (report === undefined) return kind === 'at-rest' && isSameName(kid, id) ? [seenAt] : [];
    const { primary, since } = keysOf(report, kind);
    return [isSameName(primary, id) ? seenAt : since];
  });
  const restedAt = Math.max(...used) + retireAfterSeconds * 1000;
  if (restedAt <= now) return;
  throw new OperationError(
    'key_in_use',
    `a session that the key sealed may be open until ${new Date(restedAt).toISOString()}`,
    `try again in ${count(Math.ceil((restedAt - now) / 1000), 'second')}`,
  );
}

/** True for another key of the name, too: what it sealed names the same kid. */
function isSameName(one: string, other: string): boolean {
  return kidOf(one) === kidOf(other);
}

function keysOf(report: Report, kind: KeyKind): Report['rsa'] {
  return kind === 'at-rest' ? report.atRest : report.rsa;
}

/** @throws OperationError input_invalid */
export function parseReplicas(text: string | undefined): number {
  if (text !== undefined && /^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw inputInvalid('the number of KeyServers that run must be given', { do: 'count_replicas' });
}

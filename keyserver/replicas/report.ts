import { OpenError } from '../../shared/crypto/open-error.ts';
import { Compile } from '../../shared/schema/compile.ts';
import { type Static, Type } from '../../shared/schema/type.ts';
import { tryOpen } from '../at-rest/try-open.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { ReplicaRow, SeenReplica } from '../store/store.ts';

export const beatMs = 3000;
/** A process whose beat stands still for this long is dead. */
export const deadAfterSeconds = 30;

/** The kind that the MAC names, which no document has. */
const kind = 'replica';

const Keys = Type.Object({
  primary: Type.String(),
  /** When the process began to use this primary, by its clock; milliseconds since the Unix epoch. */
  since: Type.Integer({ minimum: 0 }),
  keys: Type.Array(Type.String()),
});

/** The state of a KeyServer process. Members may be added: a reader ignores unknown ones. */
const ReportSchema = Type.Object({
  /** Random id that all workers of one KeyServer share. */
  instance: Type.String(),
  host: Type.String(),
  /** Number of processes that serve for this KeyServer. */
  workers: Type.Integer({ minimum: 1 }),
  version: Type.String(),
  /** At-rest keys by their ids (`Keyring.idOf`), since two machines may have different ones of one name. */
  atRest: Keys,
  rsa: Keys,
  /** The position in the history of changes up to which it knows them. */
  history: Type.String(),
  seq: Type.Integer({ minimum: 0 }),
  /** Whether it serves rows of the earlier system; earlier versions do not tell. */
  servesLegacyRows: Type.Optional(Type.Boolean()),
  /** Ids of proxies that lately told pins without an RSA key, by the key's id; earlier versions do not tell. */
  rejectedBy: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
  /** Ids of processes of proxies that lately asked it for changes; earlier versions do not tell. */
  proxies: Type.Optional(Type.Array(Type.String())),
  /** Its clock, milliseconds since the Unix epoch; earlier versions do not tell. */
  now: Type.Optional(Type.Integer({ minimum: 0 })),
  stopped: Type.Boolean(),
});
export type Report = Static<typeof ReportSchema>;
const validator = Compile(ReportSchema);

/** Makes the row of a report, with its MAC under the primary key. */
export function sealReport(keyring: Keyring, id: string, beat: number, report: Report): ReplicaRow {
  const body = JSON.stringify(report);
  const { kid, mac } = keyring.sign({ kind, id, revision: beat, body });
  return { id, beat, kid, body, mac };
}

/** Returns the report of a row after verifying its MAC. @throws OpenError for every fault alike */
export function openReport(keyring: Keyring, row: ReplicaRow): Report {
  const { id, beat, kid, body, mac } = row;
  // Looking a key up that is missing would be logged.
  if (!keyring.has(kid)) throw new OpenError();
  keyring.verify({ kind, id, revision: beat, kid, body, mac });
  const report: unknown = JSON.parse(body);
  if (!validator.Check(report)) throw new OpenError();
  return report;
}

/** A process's row as read; `report` is undefined if its MAC does not verify, as without its key. */
export interface KnownReplica extends Omit<SeenReplica, 'body' | 'mac'> {
  readonly report: Report | undefined;
}

export function readReport(keyring: Keyring, row: SeenReplica): KnownReplica {
  const { id, kid, beat, ageSeconds } = row;
  return { id, kid, beat, ageSeconds, report: tryOpen(() => openReport(keyring, row)) };
}

/** True unless the process is dead or reported that it is stopping. An age far below zero counts as dead, too. */
export function isLive({ ageSeconds, report }: KnownReplica): boolean {
  return Math.abs(ageSeconds) <= deadAfterSeconds && report?.stopped !== true;
}

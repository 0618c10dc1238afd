import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CallerKind } from '../../operations/callers.ts';
import { OperationError } from '../../operations/operation-error.ts';
import type { AdminCommand } from './admin-command.ts';
import { UncertainError } from './failure.ts';
import { namedFile } from './input-file.ts';
import { writeKeyFile } from './key-file.ts';
import type { Session } from './session.ts';

interface NewKey {
  readonly kind: CallerKind;
  readonly out: string | undefined;
  /** Members of the JSON result besides the key. */
  readonly members: object;
  readonly create: (handOver: (key: string) => void) => Promise<unknown>;
  /** A sentence on the result, without the key. */
  readonly done: string;
}

export interface OutOption {
  readonly out?: string;
}

export function addOut(command: AdminCommand): AdminCommand {
  return command.option(
    '--out <file>',
    'write the key into this new file, with mode 0600, not to stdout',
  );
}

/**
 * Creates a key that is written before it is stored (see `KeyOptions`): to stdout, or into the new file
 * of `--out`. @throws OutputError, and the errors of `create`
 */
export async function writeNewKey(
  { io, out: output }: Session,
  { kind, members, create, done, ...options }: NewKey,
): Promise<void> {
  const out = namedFile(options.out);
  const path = out === undefined ? undefined : resolve(io.folder, out);
  const place = out === undefined ? 'above' : `in ${out}`;
  let isWritten = false;
  try {
    await create((key) => {
      if (path === undefined) output.key({ ...members, key }, key);
      else writeKeyFile(path, key);
      isWritten = true;
    });
  } catch (error) {
    if (!isWritten) throw error;
    // After an error of the database the commit may have happened all the same: keep the key then.
    if (error instanceof OperationError && path !== undefined) {
      rmSync(path, { force: true });
      throw error;
    }
    throw new UncertainError(
      error,
      `the key ${place} may not be valid: see keyserver-admin ${kind} list`,
    );
  }
  if (out === undefined) output.note(`${done}; its key is shown only this once`);
  else output.result({ ...members, keyFile: out }, `${done}; the new key is ${place}`);
}

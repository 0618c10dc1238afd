import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { readText, textOf, unreadable } from '../../../shared/settings/text-file.ts';
import { inputInvalid } from '../../operations/operation-error.ts';
import type { AdminIo } from './io.ts';

/** The file that an option names; undefined if it is left out or `-`, which stand for stdin or stdout. */
export function namedFile(option: string | undefined): string | undefined {
  return option === '-' ? undefined : option;
}

/** Reads a text that an option names: a file, or stdin for `-`. @throws OperationError input_invalid */
export async function readInput({ io }: { readonly io: AdminIo }, file: string): Promise<string> {
  try {
    if (file === '-') return textOf(await buffer(io.stdin));
    return readText(resolve(io.folder, file));
  } catch (error) {
    const name = file === '-' ? 'stdin' : file;
    throw cannotRead(error, name, 'name a file in YAML or JSON, or - for stdin');
  }
}

/** The bytes of a file, which is opened once they are asked for. @throws OperationError input_invalid if it cannot be read */
export async function* readable(
  open: () => AsyncIterable<Uint8Array>,
  name: string,
  hint: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* open();
  } catch (error) {
    throw cannotRead(error, name, hint);
  }
}

/** The error for a file that cannot be read; any other error than the system's as it is. */
export function cannotRead(error: unknown, name: string, hint: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error : inputInvalid(unreadable(name, error), hint);
}

import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { readText, textOf, unreadable } from '../../../shared/settings/text-file.ts';
import { inputInvalid } from '../../operations/operation-error.ts';
import type { AdminIo } from './io.ts';

/** Reads a text that an option names: a file, or stdin for `-`. @throws OperationError input_invalid */
export async function readInput({ io }: { readonly io: AdminIo }, file: string): Promise<string> {
  try {
    if (file === '-') return textOf(await buffer(io.stdin));
    return readText(resolve(io.folder, file));
  } catch (error) {
    throw inputInvalid(
      unreadable(file === '-' ? 'stdin' : file, error),
      'name a file in YAML or JSON, or - for stdin',
    );
  }
}

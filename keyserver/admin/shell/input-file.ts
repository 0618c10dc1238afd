import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { inputInvalid } from '../../operations/operation-error.ts';
import type { AdminIo } from './io.ts';

/** Reads a text that an option names: a file, or stdin for `-`. @throws OperationError input_invalid */
export async function readInput({ io }: { readonly io: AdminIo }, file: string): Promise<string> {
  if (file === '-') return textOf(io.stdin);
  try {
    return readFileSync(resolve(io.folder, file), 'utf8');
  } catch (error) {
    throw inputInvalid(
      `cannot read ${file} (${(error as NodeJS.ErrnoException).code})`,
      'name a file in YAML or JSON, or - for stdin',
    );
  }
}

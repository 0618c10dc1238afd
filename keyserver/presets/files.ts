import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Compile } from '../../shared/schema/compile.ts';
import { type Preset, PresetSchema } from './preset.ts';

const folder = import.meta.dirname;
const ending = '.json';

export class PresetFileError extends Error {
  override readonly name = 'PresetFileError';
}

let validator: ReturnType<typeof Compile<typeof PresetSchema>> | undefined;
const read = new Map<string, Preset>();

export function presetIds(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort();
}

/** One of {@link presetIds}. @throws PresetFileError if its file is none of a preset */
export function readPreset(id: string): Preset {
  const preset = read.get(id) ?? parsePreset(id, readFileSync(join(folder, id + ending), 'utf8'));
  read.set(id, preset);
  return preset;
}

/** @throws PresetFileError */
export function parsePreset(id: string, text: string): Preset {
  const value = parseJson(id, text);
  validator ??= Compile(PresetSchema);
  if (!validator.Check(value)) {
    const [error] = validator.Errors(value);
    throw damaged(id, `${error?.instancePath ?? ''} ${error?.message ?? ''}`.trim());
  }
  if (value.id !== id) throw damaged(id, 'has another id');
  for (const { own } of value.auth.flatMap(({ fields }) => Object.values(fields))) {
    if (own !== undefined && !isPattern(own)) throw damaged(id, `has the pattern ${own}`);
  }
  return value;
}

/** @throws PresetFileError */
export function allPresets(): Preset[] {
  return presetIds().map(readPreset);
}

/** All presets whose files are as they should be: enough for what only warns. */
export function intactPresets(): Preset[] {
  return presetIds().flatMap((id) => {
    try {
      return [readPreset(id)];
    } catch (error) {
      if (error instanceof PresetFileError) return [];
      throw error;
    }
  });
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

function parseJson(id: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(id, 'is not JSON');
  }
}

function damaged(id: string, what: string): PresetFileError {
  return new PresetFileError(`the file of the preset ${id} was changed or is damaged: ${what}`);
}

import leven from 'leven';
import { PresetFileError, presetIds, readPreset } from '../../presets/files.ts';
import type { Auth, Preset } from '../../presets/preset.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import { needTable } from './needs.ts';

/** All presets, in the order of their ids. @throws OperationError integrity_failed for a file that was changed */
export function listPresets(): Preset[] {
  return presetIds().map(read);
}

/** @throws OperationError not_found, with the names that may be meant; integrity_failed */
export function findPreset(id: string): Preset {
  const ids = presetIds();
  if (ids.includes(id)) return read(id);
  const near = nearest(id, ids);
  throw new OperationError(
    'not_found',
    `there is no preset ${JSON.stringify(id)}`,
    near.length === 0 ? { do: 'list_presets' } : `is ${near.join(' or ')} meant?`,
  );
}

function read(id: string): Preset {
  try {
    return readPreset(id);
  } catch (error) {
    if (!(error instanceof PresetFileError)) throw error;
    throw new OperationError(
      'integrity_failed',
      error.message,
      'install this version of the program again',
    );
  }
}

/** A way to authenticate, by default the first. @throws OperationError input_invalid */
export function findAuth(preset: Preset, id: string | undefined): Auth {
  const auth = id === undefined ? preset.auth[0] : preset.auth.find((one) => one.id === id);
  if (auth !== undefined) return auth;
  throw inputInvalid(
    `the preset ${preset.id} has no way ${JSON.stringify(id)} to authenticate`,
    `it has ${preset.auth.map((one) => one.id).join(', ')}`,
  );
}

/** Names that contain the given one, else the nearest by spelling. */
function nearest(id: string, ids: readonly string[]): string[] {
  const name = id.toLowerCase();
  const containing = name.length < 3 ? [] : ids.filter((one) => one.includes(name));
  if (containing.length > 0) return containing;
  const parts = (one: string) => [one, ...one.split('-')];
  const distanceTo = (one: string) => Math.min(...parts(one).map((part) => leven(name, part)));
  const distances = ids.map((one) => ({ one, distance: distanceTo(one) }));
  const best = Math.min(Math.floor(name.length / 2), ...distances.map(({ distance }) => distance));
  const near = distances.filter(({ distance }) => distance === best).map(({ one }) => one);
  const alike = near.filter((one) => one[0] === name[0]);
  return alike.length > 0 ? alike : near;
}

/** All presets in short; `served` says by which way to authenticate this version serves one, or that it does not. */
export function summaries() {
  return listPresets().map(({ id, name, revision, auth, hosts }) => ({
    id,
    name,
    revision,
    served: servedBy(auth),
    sandbox: hosts.some(({ is }) => is === 'sandbox'),
  }));
}

function servedBy(auth: readonly Auth[]): string {
  const ways = auth.map((one) => ({ id: one.id, needs: one.needs ?? [] }));
  const [first, ...others] = ways;
  if (first === undefined || first.needs.length === 0) return 'yes';
  const other = others.find(({ needs }) => needs.length === 0);
  const also = other === undefined ? '' : `, or by ${other.id}`;
  const texts = first.needs.map((need) => needTable[need].served);
  const missing = first.needs.filter((need) => needTable[need].served === undefined);
  return (missing.length > 0 ? `not yet: ${missing.join(', ')}` : texts.join(', ')) + also;
}

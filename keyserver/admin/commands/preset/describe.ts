import type { Preset } from '../../../presets/preset.ts';
import { factsOf } from './facts.ts';

/** A preset as text: a heading a line, its facts below, each with certainty and sources. */
export function describePreset(preset: Preset): string {
  const { id, name, revision, checked } = preset;
  const groups = factsOf(preset).flatMap(({ heading, facts }) => [
    `${heading}:`,
    ...facts.map(({ text, how }) => `  ${text}${how === undefined ? '' : ` [${how}]`}`),
  ]);
  return [`${id}: ${name}, revision ${revision}, checked ${checked}`, ...groups]
    .join('\n')
    .replaceAll('`', '');
}

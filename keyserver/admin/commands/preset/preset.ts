import { readDocument } from '../../../operations/documents.ts';
import { presetDiff } from '../../../operations/presets/diff.ts';
import { findPreset, summaries } from '../../../operations/presets/find.ts';
import type { Preset } from '../../../presets/preset.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import type { Session } from '../../shell/session.ts';
import { record } from '../../shell/text/table.ts';
import { factsOf } from './facts.ts';

export function definePreset(preset: AdminCommand, session: Session): void {
  preset.examples(
    'keyserver-admin preset show ozon-seller',
    'keyserver-admin type put ozon --preset ozon-seller',
  );
  addList(preset, session);
  addShow(preset, session);
  addDiff(preset, session);
}

function addList(preset: AdminCommand, session: Session): void {
  preset
    .command('list')
    .description('Lists the presets, and what each needs that this version does not do.')
    .examples('keyserver-admin preset list')
    .action(async () => {
      session.out.list(summaries(), {
        headings: ['preset', 'marketplace', 'served', 'sandbox'],
        cells: ({ id, name, served, sandbox }) => [id, name, served, sandbox ? 'yes' : '-'],
        empty: 'no presets',
      });
    });
}

function addShow(preset: AdminCommand, session: Session): void {
  preset
    .command('show')
    .description('Shows a preset: each fact with its certainty and the numbers of its sources.')
    .argument('<preset>', 'its name')
    .examples('keyserver-admin preset show ozon-seller')
    .action(async (id: string) => {
      const found = findPreset(id);
      session.out.result(found, describePreset(found));
    });
}

/** A preset as text: a heading a line, its facts below, each with certainty and sources. */
function describePreset(preset: Preset): string {
  const { id, name, revision, checked } = preset;
  const groups = factsOf(preset).flatMap(({ heading, facts }) => [
    `${heading}:`,
    ...facts.map(({ text, how }) => `  ${text}${how === undefined ? '' : ` [${how}]`}`),
  ]);
  return [`${id}: ${name}, revision ${revision}, checked ${checked}`, ...groups]
    .join('\n')
    .replaceAll('`', '');
}

function addDiff(preset: AdminCommand, session: Session): void {
  preset
    .command('diff')
    .description('Shows how a type differs from its preset as this version has it.')
    .argument('<type>', 'the name of the type')
    .examples('keyserver-admin preset diff ozon')
    .operation(session, async (context, id: string) => {
      const policy = await readDocument(context, 'type', id);
      const { preset: found, revision, changes } = presetDiff(id, policy);
      const made = { type: id, preset: found.id, revision, current: found.revision };
      const text = (value: unknown) => JSON.stringify(value) ?? 'not set';
      const lines = changes.map(({ member, from, to }) => [
        `  ${member}`,
        `preset ${text(from)}, type ${text(to)}`,
      ]);
      const differences = lines.length === 0 ? 'no differences' : record(Object.fromEntries(lines));
      session.out.result(
        { ...made, changes },
        `${id} was made of ${found.id}, revision ${revision}; the preset has revision ${found.revision}\n${differences}`,
      );
    });
}

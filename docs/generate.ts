/**
 * `npm run docs`: writes docs/settings.md from the settings' schemas, docs/presets.md from the
 * presets, and docs/keyserver-admin.1 from the commands of the tool.
 */
import { writeFileSync } from 'node:fs';
import { manPage } from '../keyserver/admin/description/man-page.ts';
import { describeCommand } from '../keyserver/admin/description/tree.ts';
import { wholeProgram } from '../keyserver/admin/program.ts';
import { allPresets } from '../keyserver/presets/files.ts';
import { version } from '../shared/settings/version.ts';
import { presetsPage } from './presets-page.ts';
import { settingsPage } from './settings-page.ts';

const pages = {
  'settings.md': settingsPage(),
  'presets.md': presetsPage(allPresets()),
  'keyserver-admin.1': manPage(describeCommand(await wholeProgram()), version),
};
for (const [name, text] of Object.entries(pages)) {
  writeFileSync(new URL(name, import.meta.url), text);
  process.stdout.write(`docs/${name}\n`);
}

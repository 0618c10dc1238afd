/** `npm run docs`: writes docs/settings.md from the settings' schemas, and docs/presets.md from the presets. */
import { writeFileSync } from 'node:fs';
import { allPresets } from '../keyserver/presets/files.ts';
import { presetsPage } from './presets-page.ts';
import { settingsPage } from './settings-page.ts';

const pages = { 'settings.md': settingsPage(), 'presets.md': presetsPage(allPresets()) };
for (const [name, text] of Object.entries(pages)) {
  writeFileSync(new URL(name, import.meta.url), text);
  process.stdout.write(`docs/${name}\n`);
}

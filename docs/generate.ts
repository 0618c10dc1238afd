/** `npm run docs`: writes docs/settings.md from the settings' schemas. */
import { writeFileSync } from 'node:fs';
import { settingsPage } from './settings-page.ts';

writeFileSync(new URL('settings.md', import.meta.url), settingsPage());
process.stdout.write('docs/settings.md\n');

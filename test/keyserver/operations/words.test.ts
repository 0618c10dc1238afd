import t from 'tap';
import { readSources } from '../../docs/sources.ts';

const sources = readSources('keyserver/operations');

t.test('operations import neither the command line nor the process', async (t) => {
  t.ok(sources.length > 10);
  for (const { path, text } of sources) {
    t.notMatch(text, /from '(?:[^']*\/admin\/[^']*|commander|node:process)'/, path);
    t.notMatch(text, /\bprocess\.\w/, path);
  }
});

t.test('operations name no command, option or exit code', async (t) => {
  for (const { path, text } of sources) {
    t.notMatch(text, /keyserver-admin|(?<![\w-])--[a-z]|exit code|exitCode/, path);
  }
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startPair } from '../support/pair.ts';
import { root } from './sources.ts';

t.test('the page has a row for each metric of ours, and for no other', async (t) => {
  const page = readFileSync(join(root, 'docs/metrics.md'), 'utf8');
  const cells = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].map(([, cell = '']) => cell);
  const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  const pair = await startPair(t, { upstream: 'http://127.0.0.1:9' });
  const written = await Promise.all(
    [pair.secureproxy, pair.keyserver].map(async ({ origin }) =>
      (await fetch(`${origin}/metrics`)).text(),
    ),
  );
  const types = written.flatMap((text) => [...text.matchAll(/^# TYPE (\w+)/gm)]);
  const ours = types
    .map(([, name = '']) => name)
    .filter((name) => !/^(?:process|nodejs)_/.test(name));
  t.same([...new Set(ours)].sort(), [...new Set(named)].sort());
});

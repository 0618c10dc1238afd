import { readFileSync } from 'node:fs';
import { parsePreset } from '../../../keyserver/presets/files.ts';
import { storagePlaces } from '../../../local/state.ts';
import { runToolHere } from '../../../test/support/tool-here.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../../scene/attack.ts';

async function run(scene: Scene, ...args: string[]) {
  const { folder } = ownOf(scene);
  const { code, written } = await runToolHere({
    args,
    environment: { ...storagePlaces(folder) },
    folder,
    stdin: Buffer.alloc(0),
  });
  return { code, said: written.map(({ text }) => text).join('') };
}

/** Changes of a preset's file that would send tokens elsewhere, or in clear. */
const alterations: Readonly<Record<string, (preset: Altered) => object>> = {
  'a wildcard': (preset) => withHost(preset, { host: '*.ozon.ru' }),
  'user info before another host': (preset) =>
    withHost(preset, { host: 'api-seller.ozon.ru@evil.example' }),
  'a port': (preset) => withHost(preset, { host: 'api-seller.ozon.ru:8443' }),
  'an address': (preset) => withHost(preset, { host: 'localhost' }),
  'a path that climbs': (preset) => withHost(preset, { path: '/../' }),
  'plain http': (preset) => ({ ...preset, unsafePlaintext: true }),
  'the id of another': (preset) => ({ ...preset, id: 'wildberries' }),
};

interface Altered {
  readonly hosts: readonly object[];
}

function withHost(preset: Altered, members: object): object {
  return { ...preset, hosts: [{ ...preset.hosts[0], ...members }] };
}

async function altered(): Promise<Outcome> {
  const file = new URL('../../../keyserver/presets/ozon-seller.json', import.meta.url);
  const preset = JSON.parse(readFileSync(file, 'utf8')) as Altered;
  const taken = Object.entries(alterations).filter(([, alter]) => {
    try {
      parsePreset('ozon-seller', JSON.stringify(alter(preset)));
      return true;
    } catch {
      return false;
    }
  });
  const names = taken.map(([name]) => name);
  const count = Object.keys(alterations).length;
  return {
    held: names.length === 0,
    happened: names.length === 0 ? `${count} files were refused` : `taken: ${names.join(', ')}`,
  };
}

/** An operator who was talked into a destination beside the marketplace's. */
async function widened(scene: Scene): Promise<Outcome> {
  const put = ['type', 'put', 'widened', '--preset', 'shopify-admin', '--destination'];
  for (const [place, ...options] of [
    ['https://shop.myshopify.com.evil.example'],
    ['https://evil.example/.myshopify.com'],
    ['https://a.b.myshopify.com'],
    // It would be refused before it is shown.
    ['http://shop.myshopify.com', '--unsafe-plaintext'],
  ] as const) {
    const { code, said } = await run(scene, ...put, place, ...options);
    const isShown =
      /confirmation needed: .*\n.*which is no host of the preset/.test(said) &&
      said.includes(place);
    if (code !== 2 || !isShown) return { held: false, happened: `${place}: ${code}` };
  }
  const { code } = await run(scene, 'type', 'show', 'widened');
  return { held: code === 1, happened: 'each was shown, and none was written' };
}

export const presetAttacks: readonly Attack[] = [
  {
    class: 'operator',
    name: "a preset's file that somebody changed",
    ownOnly: true,
    run: altered,
  },
  {
    class: 'operator',
    name: "a destination that looks like a preset's",
    ownOnly: true,
    run: widened,
  },
];

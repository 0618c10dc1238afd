import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  marketplaces,
  marketplacesOf,
} from '../../../keyserver/operations/intelligence/marketplaces.ts';
import { policyFaults } from '../../../keyserver/operations/policy/policy-faults.ts';
import { expandPreset, type PresetChoice } from '../../../keyserver/operations/presets/expand.ts';
import { findPreset, listPresets } from '../../../keyserver/operations/presets/find.ts';
import { outsideOf } from '../../../keyserver/operations/presets/hosts.ts';
import { parsePreset, presetIds } from '../../../keyserver/presets/files.ts';
import type { Auth, Preset } from '../../../keyserver/presets/preset.ts';
import { parseDestination } from '../../../shared/policy/destination.ts';
import { injectionFields } from '../../../shared/policy/injection/injection.ts';
import type { Injection } from '../../../shared/policy/injection/schema.ts';

const presets = listPresets();
const generic = [
  'basic',
  'bearer',
  'header',
  'oauth2-client-credentials',
  'oauth2-refresh-token',
  'query',
];
const anyInjection: Injection = { scheme: 'headers', headers: { 'X-Any': '{token}' } };

/** All that an operator can add, so that every way to authenticate expands that can. */
function everyHelp({ needs = [] }: Auth, { hosts }: Preset): PresetChoice {
  const isFixed = hosts.some(({ is, host }) => is === 'production' && !host.includes('{'));
  return {
    renewedElsewhere: true,
    ...(needs.some((need) => need !== 'renewal') && { injection: anyInjection }),
    ...(!isFixed && { destinations: ['https://shop-1.myshopify.com'] }),
  };
}

t.test('there are 33 marketplaces and the generics', async (t) => {
  t.same(
    generic.filter((id) => !presetIds().includes(id)),
    [],
  );
  t.equal(presets.length - generic.length, 33);
});

for (const preset of presets) {
  const { id, hosts, auth, sources } = preset;
  t.test(`${id}`, async (t) => {
    t.test('each fact has sources as its certainty wants', async (t) => {
      for (const fact of factsOf(preset)) {
        const { certainty, from } = fact;
        const isSeen = !['unverified', 'inferred', 'unknown'].includes(certainty);
        if (isSeen) t.ok(from.length > 0, JSON.stringify(fact));
        t.ok(
          from.every((number) => number <= sources.length),
          JSON.stringify(fact),
        );
      }
      t.same(
        sources.filter((_, at) => !factsOf(preset).some(({ from }) => from.includes(at + 1))),
        [],
        'every source is used',
      );
    });

    t.test('hosts are public names that can be destinations', async (t) => {
      for (const { host, path = '' } of hosts) {
        const { hostname, pathPrefix, wildcard } = parseDestination(
          `https://${host.replace('{shop}', 'shop-1')}${path}`,
        );
        t.equal(hostname, host.replace('{shop}', 'shop-1'));
        t.equal(pathPrefix, path);
        t.notOk(wildcard);
        t.match(hostname, /\.[a-z]{2,}$/);
        t.notMatch(hostname, /(?:^|\.)(?:localhost|local|internal|example|test|invalid|arpa)$/);
      }
      t.equal(new Set(hosts.map(({ host, is }) => `${is} ${host}`)).size, hosts.length, 'distinct');
    });

    t.test(
      'ways to authenticate are named once, and hosts, probe and forms fit them',
      async (t) => {
        const ways = auth.map((one) => one.id);
        t.equal(new Set(ways).size, ways.length);
        for (const { auth: named = [] } of [...hosts, ...(preset.probe ? [preset.probe] : [])]) {
          t.same(
            named.filter((one) => !ways.includes(one)),
            [],
          );
        }
        for (const { id: way, injection, fields, needs = [] } of auth) {
          t.ok(
            injection || needs.some((need) => need !== 'renewal'),
            `${way} can be served or says why`,
          );
          const names = injection ? [...injectionFields(injection)] : [];
          t.same(
            names.filter((name) => !(name in fields)),
            [],
            `${way} knows each field that it injects`,
          );
          t.ok(
            Object.entries(fields).some(([, { isPublic }]) => !isPublic),
            `${way} has a secret`,
          );
          for (const { own } of Object.values(fields)) if (own) t.match(own, /^\^/);
        }
      },
    );

    for (const way of auth) {
      if (way.needs?.includes('cookies')) continue;
      t.test(`${way.id} expands to a policy without faults, of its own hosts`, async (t) => {
        const choice = { ...everyHelp(way, preset), auth: way.id };
        const hasSandbox = hosts.some(
          ({ is, auth: ways }) => is === 'sandbox' && (ways?.includes(way.id) ?? true),
        );
        const sandboxes = hasSandbox ? [false, true] : [false];
        for (const sandbox of sandboxes) {
          const { policy } = expandPreset(preset, { ...choice, sandbox });
          t.same(policyFaults(policy), []);
          const { preset: made, destinations } = policy;
          t.same(made && outsideOf(made, destinations), []);
          for (const destination of policy.destinations) {
            const host = hosts.find(
              (one) =>
                destination.startsWith(`https://${one.host}`) &&
                one.is === (sandbox ? 'sandbox' : 'production'),
            );
            if (choice.destinations) continue;
            t.ok(
              host && !['unverified', 'inferred', 'unknown'].includes(host.certainty),
              destination,
            );
          }
          t.notOk(policy.unsafePlaintext);
          t.notOk(policy.unsafeAllowPrivate);
        }
      });
    }
  });
}

t.test('no two presets claim a host, so that a token is known by where it goes', async (t) => {
  const claimed = presets.flatMap(({ id, hosts }) =>
    [...new Set(hosts.filter(({ is }) => is !== 'sign-in').map(({ host }) => host))].map(
      (host) => ({
        id,
        host,
      }),
    ),
  );
  const byHost = Map.groupBy(claimed, ({ host }) => host);
  t.same(
    [...byHost].filter(([, { length }]) => length > 1),
    [],
  );
  for (const { id, host } of claimed) {
    const destination = parseDestination(`https://${host.replace('{shop}', 'shop-1')}`);
    t.same(
      marketplacesOf(destination).map((one) => one.id),
      [id],
      host,
    );
  }
});

t.test('a credential goes no further than the way to authenticate wants', async (t) => {
  const policyOf = (id: string, choice: PresetChoice) =>
    expandPreset(findPreset(id), { renewedElsewhere: true, ...choice }).policy;
  t.same(policyOf('bigcommerce', {}).destinations, ['https://api.bigcommerce.com/stores']);
  t.throws(
    () =>
      policyOf('walmart-marketplace', {
        ...{ auth: 'supplier-signature', sandbox: true, injection: anyInjection },
      }),
    { message: /knows no sandbox/ },
  );
});

t.test('a probe says no more than the marketplace does', async (t) => {
  const probeOf = (id: string, auth: string) =>
    expandPreset(findPreset(id), { auth, renewedElsewhere: true }).policy.probe;
  t.equal(probeOf('etsy', 'user'), undefined, 'its ping asks for the key of the app alone');
  t.ok(probeOf('etsy', 'public'));
  t.same(probeOf('avito', 'own-account')?.meanings, [{ status: 403, means: 'unclear' }]);
});

t.test('what a marketplace alone issues is told from what others do', async (t) => {
  for (const [value, id] of [
    ['ACMA:made-up:1', 'yandex-market'],
    ['shpat_made-up', 'shopify-admin'],
    ['APP_USR-made-up', 'mercadolibre'],
    [`ck_${'0a'.repeat(20)}`, 'woocommerce'],
    ['12-3@advertising.performance.ozon.ru', 'ozon-performance'],
    ['anything else', undefined],
  ] as const) {
    const owners = marketplaces().filter(({ isOwn }) => isOwn?.(value));
    t.same(
      owners.map((one) => one.id),
      id === undefined ? [] : [id],
    );
  }
});

t.test('a file that was altered is refused', async (t) => {
  const path = new URL('../../../keyserver/presets/ozon-seller.json', import.meta.url);
  const preset = JSON.parse(readFileSync(path, 'utf8'));
  const parse = (value: unknown) => () => parsePreset('ozon-seller', JSON.stringify(value));
  t.doesNotThrow(parse(preset));
  const [host] = preset.hosts;
  const [way] = preset.auth;
  for (const altered of [
    { ...preset, id: 'other' },
    { ...preset, unsafePlaintext: true },
    { ...preset, hosts: [{ ...host, host: '*.ozon.ru' }] },
    { ...preset, hosts: [{ ...host, host: 'api-seller.ozon.ru@evil.example' }] },
    { ...preset, hosts: [{ ...host, host: 'evil.example:8443' }] },
    { ...preset, hosts: [{ ...host, host: 'localhost' }] },
    { ...preset, hosts: [{ ...host, path: '/../x' }] },
    { ...preset, auth: [] },
    { ...preset, auth: [{ ...way, fields: { apiKey: { what: 'the key', own: '^(' } } }] },
    [],
    null,
  ]) {
    t.throws(parse(altered), { name: 'PresetFileError', message: /changed or is damaged/ });
  }
  t.throws(() => parsePreset('ozon-seller', '{'), { message: /is not JSON/ });
});

interface Fact {
  readonly certainty: string;
  readonly from: readonly number[];
}

/** Every object with a certainty, wherever it stands. */
function factsOf(value: unknown): Fact[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(factsOf);
  return 'certainty' in value ? [value as Fact, ...inner] : inner;
}

import { stringify } from 'yaml';
import type { Fleet } from '../../../keyserver/operations/fleet/schema.ts';

/** A fleet of 30 apps with 200 grants, 10 types and 2 proxies. */
export function largeFleet(): Required<Fleet> {
  const numbers = (length: number) => Array.from({ length }, (_, n) => n);
  const types = numbers(10).map((n) => [
    `market-${n}`,
    {
      destinations: [`https://api-${n}.example.com`],
      injection: { scheme: 'headers' as const, headers: { Authorization: '{token}' } },
    },
  ]);
  const grants = numbers(200).map((n) => ({
    client: `shop-${n}`,
    type: `market-${n % 10}`,
    methods: ['GET' as const],
    paths: [`/v1/orders/${n}/*`],
  }));
  const apps = numbers(30).map((app) => [
    `app-${app}`,
    { grants: grants.filter((_, n) => n % 30 === app) },
  ]);
  return {
    types: Object.fromEntries(types),
    apps: Object.fromEntries(apps),
    proxies: { 'dc-1': {}, 'dc-2': { clients: ['shop-*'] } },
  };
}

export const yamlOf = (fleet: Fleet): string => stringify(fleet, { aliasDuplicateObjects: false });

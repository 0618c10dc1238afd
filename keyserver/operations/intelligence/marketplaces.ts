import { readJwt } from './jwt.ts';
import { isWildberries } from './wildberries.ts';

interface Marketplace {
  readonly name: string;
  readonly hosts: RegExp;
  /** True for a secret that only this marketplace issues. */
  readonly isOwn: (value: string) => boolean;
  /** The form of every secret that goes there, if there is one. */
  readonly form?: { readonly name: string; readonly isMet: (value: string) => boolean };
}

const isUuid = (value: string) => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value);
const isJwt = (value: string) => readJwt(value) !== undefined;
const never = () => false;

/** Marketplaces whose secrets can be told by their form, by their own pages and clients. */
export const marketplaces: readonly Marketplace[] = [
  {
    name: 'Wildberries',
    hosts: /(?:^|\.)wildberries\.ru$/,
    isOwn: (value) => {
      const jwt = readJwt(value);
      return jwt !== undefined && isWildberries(jwt);
    },
    form: { name: 'a JWT', isMet: isJwt },
  },
  {
    name: 'Yandex Market',
    hosts: /^api\.partner\.market\.yandex\.ru$/,
    isOwn: (value) => /^ACMA:[^:]+:[^:]+/.test(value),
  },
  {
    name: 'Ozon Performance',
    hosts: /^(?:api-)?performance\.ozon\.ru$/,
    isOwn: (value) => /^[\d-]+@advertising\.performance\.ozon\.ru$/.test(value),
  },
  {
    name: 'MegaMarket',
    hosts: /(?:^|\.)(?:mega|sbermega)market\.(?:tech|ru)$/,
    isOwn: never,
    form: { name: 'a UUID', isMet: isUuid },
  },
  {
    name: 'AliExpress Russia',
    hosts: /^openapi\.aliexpress\.ru$/,
    isOwn: never,
    form: { name: 'a JWT', isMet: isJwt },
  },
  {
    name: 'Shopify',
    hosts: /(?:^|\.)myshopify\.com$/,
    isOwn: (value) => /^shp(?:at|ca|pa)_/.test(value),
  },
  {
    name: 'Mercado Libre',
    hosts: /^api\.mercadolibre\.com$/,
    isOwn: (value) => /^APP_USR-/.test(value),
  },
];

/** The marketplace of a host; undefined for one that is not known. */
export function marketplaceOf(host: string): Marketplace | undefined {
  return marketplaces.find(({ hosts }) => hosts.test(host));
}

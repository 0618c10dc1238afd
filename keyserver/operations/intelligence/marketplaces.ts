import { getDomain } from 'tldts';
import type { Destination } from '../../../shared/policy/destination.ts';
import { intactPresets } from '../../presets/files.ts';
import type { Preset } from '../../presets/preset.ts';
import { readJwt } from './jwt.ts';
import { isWildberries } from './wildberries.ts';

interface Form {
  readonly name: string;
  readonly isMet: (value: string) => boolean;
}

export type Marketplace = ReturnType<typeof marketplaceFrom>;

const jwt: Form = { name: 'a JWT', isMet: (value) => readJwt(value) !== undefined };

/** The forms that presets name, and values of them that nobody else issues. */
const forms: Readonly<Record<string, Form & { readonly isOwn?: (value: string) => boolean }>> = {
  jwt,
  uuid: {
    name: 'a UUID',
    isMet: (value) => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value),
  },
  'wildberries-token': {
    ...jwt,
    isOwn: (value) => {
      const claims = readJwt(value);
      return claims !== undefined && isWildberries(claims);
    },
  },
};

let known: readonly Marketplace[] | undefined;

/** Marketplaces of the presets, read when they are asked for first; a damaged file is for `preset` to tell of. */
export function marketplaces(): readonly Marketplace[] {
  known ??= intactPresets().map(marketplaceFrom);
  return known;
}

function marketplaceFrom({ id, name, hosts, auth }: Preset) {
  const fields = auth.flatMap((way) => Object.entries(way.fields));
  const own = fields.flatMap(([, field]) => {
    const pattern = field.own === undefined ? undefined : new RegExp(field.own);
    const { isOwn } = forms[field.form ?? ''] ?? {};
    return [
      ...(pattern ? [(value: string) => pattern.test(value)] : []),
      ...(isOwn ? [isOwn] : []),
    ];
  });
  const [[, first] = []] = fields;
  return {
    ...{ id, name, hosts },
    /** True for a secret that only this marketplace issues; undefined if none can be told. */
    isOwn: own.length === 0 ? undefined : (value: string) => own.some((isOwn) => isOwn(value)),
    /** The form of every secret in this field, or if no preset has such a field, of every secret that goes there. */
    formOf: (name: string): Form | undefined => {
      const [, field] = fields.find(([other]) => other === name) ?? [undefined, first];
      return forms[field?.form ?? ''];
    },
  };
}

/** The marketplaces that a destination may be of: by its host, else by the domain that they registered. */
export function marketplacesOf({ hostname, wildcard }: Destination): readonly Marketplace[] {
  const isOf = (host: string) => {
    const [label, ...rest] = host.split('.');
    const parent = rest.join('.');
    if (wildcard && hostname === parent) return true;
    return label === '{shop}' ? hostname.endsWith(`.${parent}`) : hostname === host;
  };
  const byHost = marketplaces().filter(({ hosts }) => hosts.some(({ host }) => isOf(host)));
  if (byHost.length > 0) return byHost;
  const domain = getDomain(hostname);
  return marketplaces().filter(
    ({ hosts }) => domain !== null && hosts.some(({ host }) => getDomain(host) === domain),
  );
}

import type { Destination } from '../../../shared/policy/destination.ts';
import { allPresets } from '../../presets/files.ts';
import type { Preset } from '../../presets/preset.ts';
import { readJwt } from './jwt.ts';
import { isWildberries } from './wildberries.ts';

interface Form {
  readonly name: string;
  readonly isMet: (value: string) => boolean;
}

export interface Marketplace {
  readonly id: string;
  readonly name: string;
  /** Host names; `{shop}` stands for a label. */
  readonly hosts: readonly string[];
  /** True for a secret that only this marketplace issues. */
  readonly isOwn: (value: string) => boolean;
  /** The form of every secret in this field, or if no preset has such a field, of every secret that goes there. */
  readonly formOf: (field: string) => Form | undefined;
}

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

/** Marketplaces of the presets, read when they are asked for first. @throws PresetFileError */
export function marketplaces(): readonly Marketplace[] {
  known ??= allPresets().map(marketplaceFrom);
  return known;
}

function marketplaceFrom({ id, name, hosts, auth }: Preset): Marketplace {
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
    id,
    name,
    hosts: hosts.map(({ host }) => host),
    isOwn: (value) => own.some((isOwn) => isOwn(value)),
    formOf: (name) => {
      const [, field] = fields.find(([other]) => other === name) ?? [undefined, first];
      return forms[field?.form ?? ''];
    },
  };
}

/** The marketplace that a destination is of; undefined for one that is not known. */
export function marketplaceOf(destination: Destination): Marketplace | undefined {
  return marketplaces().find(({ hosts }) => hosts.some((host) => isOf(destination, host)));
}

function isOf({ hostname, wildcard }: Destination, host: string): boolean {
  const [label, ...rest] = host.split('.');
  const parent = rest.join('.');
  if (wildcard && hostname === parent) return true;
  return label === '{shop}' ? hostname.endsWith(`.${parent}`) : hostname === host;
}

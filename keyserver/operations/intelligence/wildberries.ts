import type { Preset } from '../../presets/preset.ts';
import type { JwtClaims } from './jwt.ts';

/** Bits of the claim `s`, by position (dev.wildberries.ru, API information). */
const categories: Readonly<Record<string, number>> = {
  content: 1,
  analytics: 2,
  prices: 3,
  marketplace: 4,
  statistics: 5,
  promotion: 6,
  feedbacks: 7,
  chat: 9,
  supplies: 10,
  returns: 11,
  documents: 12,
  finance: 13,
  users: 16,
};
const readOnlyBit = 30;

const kinds: Readonly<Record<number, string>> = {
  1: 'base',
  2: 'test',
  3: 'personal',
  4: 'service',
};

/** True for the claims that only Wildberries' tokens have. */
export function isWildberries({ all }: JwtClaims): boolean {
  return typeof all.s === 'number' && typeof all.sid === 'string' && kindOf(all) !== undefined;
}

function kindOf({ acc, t }: JwtClaims['all']): string | undefined {
  return t === true ? 'test' : kinds[Number(acc)];
}

/** `personal token of Wildberries for content, prices, read only`. */
export function describeWildberries({ all }: JwtClaims): string {
  const names = Object.keys(categories).filter((name) => hasBit(all, categories[name]));
  const scope = names.length === 0 ? 'no category' : names.join(', ');
  const readOnly = hasBit(all, readOnlyBit) ? ', read only' : '';
  return `${kindOf(all)} token of Wildberries for ${scope}${readOnly}`;
}

function hasBit({ s }: JwtClaims['all'], bit: number | undefined): boolean {
  return bit !== undefined && Math.floor(Number(s) / 2 ** bit) % 2 === 1;
}

/**
 * Limits of such a token at these hosts of Wildberries, each as a sentence. A host that names a category as its use
 * answers 401 to a token without it.
 */
export function wildberriesWarnings({ all }: JwtClaims, hosts: Preset['hosts']): string[] {
  const kind = kindOf(all);
  const warnings: string[] = [];
  if (kind === 'personal') {
    warnings.push(
      "a personal token of Wildberries works for the seller's own programs alone: its terms forbid cloud services and other companies",
    );
  }
  for (const { host, is, use = '' } of hosts) {
    const isSandbox = is === 'sandbox';
    const category = Object.hasOwn(categories, use) ? use : undefined;
    if (isSandbox !== (kind === 'test')) {
      warnings.push(
        isSandbox
          ? `${host} takes test tokens only, and this is a ${kind} token`
          : `a test token works in the sandbox only, and ${host} is none`,
      );
    } else if (category !== undefined && !hasBit(all, categories[category])) {
      warnings.push(`${host} wants the category ${category}, which the token does not have`);
    }
  }
  return warnings;
}

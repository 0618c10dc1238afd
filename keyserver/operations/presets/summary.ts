import type { Auth, Need } from '../../presets/preset.ts';
import { listPresets } from './find.ts';

export interface PresetSummary {
  readonly id: string;
  readonly name: string;
  readonly revision: number;
  /** How this version serves it: its default way to authenticate, another one, or not. */
  readonly served: string;
  readonly sandbox: boolean;
}

export function summaries(): PresetSummary[] {
  return listPresets().map(({ id, name, revision, auth, hosts }) => ({
    id,
    name,
    revision,
    served: servedBy(auth),
    sandbox: hosts.some(({ is }) => is === 'sandbox'),
  }));
}

/** The options by which this version serves a preset; undefined: none does. */
const helps: Readonly<Record<Need, string | undefined>> = {
  renewal: 'if renewed elsewhere',
  injection: 'with a header or parameter of yours',
  signing: undefined,
  body: undefined,
  cookies: undefined,
};

function servedBy(auth: readonly Auth[]): string {
  const ways = auth.map((one) => ({ id: one.id, needs: one.needs ?? [] }));
  const [first, ...others] = ways;
  if (first === undefined || first.needs.length === 0) return 'yes';
  const other = others.find(({ needs }) => needs.length === 0);
  const also = other === undefined ? '' : `, or by ${other.id}`;
  const texts = first.needs.map((need) => helps[need]);
  const missing = first.needs.filter((need) => helps[need] === undefined);
  return (missing.length > 0 ? `not yet: ${missing.join(', ')}` : texts.join(', ')) + also;
}

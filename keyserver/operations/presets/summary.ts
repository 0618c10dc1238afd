import type { Auth } from '../../presets/preset.ts';
import { listPresets } from './find.ts';
import { needTable } from './needs.ts';

/** All presets in short; `served` says by which way to authenticate this version serves one, or that it does not. */
export function summaries() {
  return listPresets().map(({ id, name, revision, auth, hosts }) => ({
    id,
    name,
    revision,
    served: servedBy(auth),
    sandbox: hosts.some(({ is }) => is === 'sandbox'),
  }));
}

function servedBy(auth: readonly Auth[]): string {
  const ways = auth.map((one) => ({ id: one.id, needs: one.needs ?? [] }));
  const [first, ...others] = ways;
  if (first === undefined || first.needs.length === 0) return 'yes';
  const other = others.find(({ needs }) => needs.length === 0);
  const also = other === undefined ? '' : `, or by ${other.id}`;
  const texts = first.needs.map((need) => needTable[need].served);
  const missing = first.needs.filter((need) => needTable[need].served === undefined);
  return (missing.length > 0 ? `not yet: ${missing.join(', ')}` : texts.join(', ')) + also;
}

import type { CallerKey } from '../../at-rest/document-row.ts';
import { newCallerKey } from '../callers.ts';
import type { Draft } from '../changes/drafts.ts';
import type { OperationContext } from '../context.ts';
import type { CallerName, Plan } from './plan.ts';

export interface NewKey extends CallerName {
  readonly key: string;
}

/** The changes of a plan with a key for each caller that has none, and these keys. */
export function withKeys(
  context: OperationContext,
  { drafts, keyless, stored }: Plan,
): { drafts: Draft[]; keys: NewKey[] } {
  const keys: NewKey[] = [];
  const isKeyless = ({ kind, id }: Draft) =>
    keyless.some((caller) => caller.kind === kind && caller.id === id);
  const given = keyless.map(({ kind, id }): Draft => {
    const planned = drafts.find((draft) => draft.kind === kind && draft.id === id);
    const draft = planned ?? unchanged(stored.get(kind, id), { kind, id });
    const isBound = draft.kind === 'app' && draft.after?.bound !== undefined;
    const { key, stored: kept } = newCallerKey(context, kind, { isBound });
    keys.push({ kind, id, key });
    return withKey(draft, kept);
  });
  return { drafts: [...drafts.filter((draft) => !isKeyless(draft)), ...given], keys };
}

function unchanged(found: ReturnType<Plan['stored']['get']>, { kind, id }: CallerName): Draft {
  return { kind, id, ...found, after: found.before } as Draft;
}

function withKey(draft: Draft, key: CallerKey): Draft {
  return { ...draft, after: { ...draft.after, keys: [key] } } as Draft;
}

import { fieldsFault } from '../../shared/policy/injection/injection.ts';
import type { Injection } from '../../shared/policy/injection/schema.ts';
import { type Fields, isFieldName } from '../../shared/policy/injection/template.ts';

type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;
/** The compiler's library lacks the reviver's third argument. */
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

/**
 * The fields of a secret of the earlier system: the one field `token`, or those of a JSON object if the injection does
 * not take its text as a whole.
 */
export function legacyFields(text: string, injection: Injection): Fields {
  return (takesWhole(text, injection) ? undefined : jsonFields(text)) ?? { token: text };
}

/** True unless the text is a JSON object that does not fit the injection as one field. */
export function takesWhole(text: string, injection: Injection): boolean {
  return objectOf(text) === undefined || fieldsFault(injection, { token: text }) === undefined;
}

/**
 * The fields of a secret that is a JSON object: texts, and numbers as they are spelled. Undefined for any other text,
 * and for an object with other values or with names that no placeholder can have.
 */
export function jsonFields(text: string): Record<string, string> | undefined {
  const entries = Object.entries(objectOf(text) ?? {});
  const fit = ([name, value]: [string, unknown]) => isFieldName(name) && typeof value === 'string';
  return entries.length > 0 && entries.every(fit) ? Object.fromEntries(entries) : undefined;
}

/** The object of a JSON text, numbers as they are spelled; undefined for any other text. */
function objectOf(text: string): object | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return parse(text, (_, value, { source }) =>
      typeof value === 'number' ? source : value,
    ) as object;
  } catch {
    return undefined;
  }
}

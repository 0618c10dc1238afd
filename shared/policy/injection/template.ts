import { Type } from '../../schema/type.ts';

/** Text with `{field}` placeholders, which stand for fields of the secret (docs/protocol.md §8). */
export const TemplateSchema = Type.String({ minLength: 1, maxLength: 4096 });

export interface Template {
  /** The place that it fills, in an operator's words: `header "Api-Key"`. */
  readonly place: string;
  readonly text: string;
}

/** The fields of a secret by name. */
export type Fields = Readonly<Record<string, string>>;

const placeholder = /\{([A-Za-z0-9_.-]{1,64})\}/g;

/** The field names in a template's text, in order, repeated names included. */
export function placeholders(text: string): string[] {
  return [...text.matchAll(placeholder)].map(([, name]) => name as string);
}

/** True for a name that a placeholder can have. */
export function isFieldName(name: string): boolean {
  return placeholders(`{${name}}`)[0] === name;
}

/** True for text with a brace outside its placeholders, such as `{to ken}`. */
export function hasStrayBrace(text: string): boolean {
  return /[{}]/.test(text.replace(placeholder, ''));
}

/** The value of a field; inherited members such as `constructor` are no fields. */
export function fieldOf(fields: Fields, name: string): string | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Replaces each placeholder once; placeholders in a field's value stay as they are. @throws TypeError if a field is missing */
export function fill(text: string, fields: Fields): string {
  return text.replace(placeholder, (_, name: string) => {
    const value = fieldOf(fields, name);
    if (value === undefined) throw new TypeError(`field ${name} is missing`);
    return value;
  });
}

/** Fills a record of templates; gives its names with their values. @throws TypeError as {@link fill} */
export function fillAll(
  templates: Readonly<Record<string, string>>,
  fields: Fields,
): (readonly [name: string, value: string])[] {
  return Object.entries(templates).map(([name, text]) => [name, fill(text, fields)] as const);
}

import type { TObject } from '../schema/type.ts';

/** True for a property whose value must not be shown (JSON Schema's `writeOnly`). */
export function isSecret(property: object): boolean {
  return 'writeOnly' in property && property.writeOnly === true;
}

/** Every name that sets something, `NAME_FILE` of secrets included. */
export function settingNames(schema: TObject): string[] {
  return Object.entries(schema.properties).flatMap(([name, property]) =>
    isSecret(property) ? [name, `${name}_FILE`] : [name],
  );
}

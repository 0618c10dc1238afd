import { InjectionSchema } from '../../../shared/policy/injection/schema.ts';
import { schemes } from '../../../shared/policy/injection/schemes.ts';
import { GrantSchema, PolicySchema } from '../../../shared/policy/schema.ts';
import { BindingSchema } from '../../../shared/protocol/messages.ts';
import { Compile, type SchemaError } from '../../../shared/schema/compile.ts';
import { isObject } from '../../../shared/schema/json-object.ts';
import { ClosedObject, type Static, Type } from '../../../shared/schema/type.ts';
import { ProxySchema } from '../../at-rest/document-row.ts';
import type { Path, SourceFault } from './source.ts';

/** A type in a file: its policy, whose injection may be left away (docs/fleet.md). */
export const FleetTypeSchema = ClosedObject({
  ...PolicySchema.properties,
  injection: Type.Optional(InjectionSchema),
});

const AppSchema = ClosedObject({
  direct: Type.Optional(Type.Boolean()),
  bound: Type.Optional(BindingSchema),
  grants: Type.Array(GrantSchema),
});
const { keys, ...limits } = ProxySchema.properties;
const LimitsSchema = ClosedObject(limits);

/** The file of `plan` and `apply`. It has no keys and no tokens. */
export const FleetSchema = ClosedObject({
  types: Type.Optional(Type.Record(Type.String(), FleetTypeSchema)),
  apps: Type.Optional(Type.Record(Type.String(), AppSchema)),
  proxies: Type.Optional(Type.Record(Type.String(), LimitsSchema)),
});
export type Fleet = Static<typeof FleetSchema>;
export type FleetType = Static<typeof FleetTypeSchema>;

/** The JSON Schema of the file, for editors. */
export function fleetJsonSchema(): object {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...FleetSchema };
}

const sections = {
  types: Compile(
    // Errors of a union are those of all its schemas: an injection is checked by its own scheme's.
    ClosedObject({ ...FleetTypeSchema.properties, injection: Type.Optional(Type.Unknown()) }),
  ),
  apps: Compile(AppSchema),
  proxies: Compile(LimitsSchema),
};
type Section = keyof typeof sections;
const injections = new Map(
  schemes.map(({ schema }) => [schema.properties.scheme.const as string, Compile(schema)]),
);
const schemeNames = [...injections.keys()].join(', ');

/** Faults in the form of a file of types, apps and proxies. */
export function fleetFaults(value: unknown): SourceFault[] {
  if (!isObject(value)) {
    return [{ path: [], at: 'value', text: `must have ${Object.keys(sections).join(', ')}` }];
  }
  return Object.entries(value).flatMap(([name, documents]): SourceFault[] => {
    if (!Object.hasOwn(sections, name)) return [{ path: [name], at: 'name', text: notAMember }];
    if (!isObject(documents)) return [{ path: [name], at: 'value', text: 'must be object' }];
    return Object.entries(documents).flatMap(([id, document]) =>
      documentFaults(name as Section, document, [name, id]),
    );
  });
}

/** Faults in the form of one document of a section. */
export function documentFaults(section: Section, value: unknown, path: Path): SourceFault[] {
  const faults = sections[section].Errors(value).map((error) => faultOf(error, path));
  if (section !== 'types' || !isObject(value) || value.injection === undefined) return faults;
  return [...faults, ...injectionFaults([...path, 'injection'], value.injection)];
}

const notAMember = 'is not a member of this';

function injectionFaults(path: Path, injection: unknown): SourceFault[] {
  const scheme = isObject(injection) ? injection.scheme : undefined;
  const validator = injections.get(String(scheme));
  if (validator === undefined) {
    return [{ path, at: 'value', text: `must have a scheme: one of ${schemeNames}` }];
  }
  return validator.Errors(injection).map((error) => faultOf(error, path));
}

function faultOf(
  { keyword, params, message, instancePath }: SchemaError,
  outer: Path,
): SourceFault {
  const path = [...outer, ...pathOf(instancePath)];
  if (keyword === 'additionalProperties') {
    return { path: [...path, String(params.additionalProperty)], at: 'name', text: notAMember };
  }
  const { allowedValues } = params;
  const text = Array.isArray(allowedValues)
    ? `must be one of ${allowedValues.join(', ')}`
    : message;
  return { path, at: 'value', text };
}

/** The parts of a JSON Pointer (RFC 6901 §4). */
function pathOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

import type { OpenApiDocument } from '../shared/http/openapi.ts';

/** A schema as the documents have it, as far as types are made of it. */
interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
}

/** Bodies of SecureProxy's API for a client, by the name of their type. */
const bodies = {
  Problem: ['components', 'schemas', 'Problem'],
  CallRequest: ['paths', '/request_api', 'post', 'requestBody'],
  Checked: ['paths', '/check', 'post', 'responses', '200'],
  Explained: ['paths', '/explain', 'post', 'responses', '200'],
};

/** TypeScript of the types that a client of SecureProxy needs, made of its document. */
export function clientTypes(document: OpenApiDocument): string {
  const types = Object.entries(bodies).map(([name, path]) => {
    const found = path.reduce<unknown>((at, key) => Object(at)[key], document);
    const schema = Object(found).content?.['application/json'].schema ?? found;
    return `export type ${name} = ${typeOf(schema, '')};\n`;
  });
  return ['// Made by `npm run openapi` of openapi/secureproxy.json.\n', ...types].join('\n');
}

function typeOf(schema: Schema, indent: string): string {
  const { $ref, type, items, anyOf, properties, additionalProperties } = schema;
  if ($ref !== undefined) return $ref.replace(/.*\//, '');
  const values = 'const' in schema ? [schema.const] : schema.enum;
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (anyOf !== undefined) return anyOf.map((one) => typeOf(one, indent)).join(' | ');
  if (items !== undefined) return `readonly (${typeOf(items, indent)})[]`;
  if (properties !== undefined) return objectOf(schema, indent);
  if (type === 'object') {
    return `{ readonly [name: string]: ${typeOf(Object(additionalProperties), indent)} }`;
  }
  return type === 'integer' ? 'number' : (type ?? 'unknown');
}

function objectOf({ properties = {}, required = [] }: Schema, indent: string): string {
  const inner = `${indent}  `;
  const members = Object.entries(properties).flatMap(([name, schema]) => [
    ...(schema.description === undefined ? [] : [`${inner}/** ${schema.description} */`]),
    `${inner}readonly ${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema, inner)};`,
  ]);
  return ['{', ...members, `${indent}}`].join('\n');
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Problem } from '../../../shared/http/problem.ts';
import { root } from '../../docs/sources.ts';
import type { HttpAnswer } from './http-input.ts';
import type { Schema } from './schema-arbitrary.ts';

interface Media {
  readonly schema: Schema;
}

/** An operation of a committed document. */
export interface DescribedOperation {
  readonly path: string;
  readonly method: string;
  readonly body: Schema | undefined;
  readonly pathParameters: readonly { readonly name: string; readonly schema: Schema }[];
  /** The fault of an answer of the service itself, by the document's description. */
  faultOf(answer: HttpAnswer): string | undefined;
}

/** Answers that any request may get before its operation is found. */
const anywhere = ['route_not_found', 'method_not_allowed'];

/** The operations of `openapi/<name>.json`. */
export function describedOperations(name: 'keyserver' | 'secureproxy'): DescribedOperation[] {
  const document = JSON.parse(readFileSync(join(root, `openapi/${name}.json`), 'utf8'));
  const ajv = new Ajv2020({ strict: false, validateSchema: false });
  ajv.addSchema(document, name);
  const problem = ajv.compile({ $ref: `${name}#/components/schemas/Problem` });
  return Object.entries<Record<string, RawOperation>>(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      body: operation.requestBody?.content['application/json']?.schema,
      pathParameters: operation.parameters?.filter((parameter) => parameter.in === 'path') ?? [],
      faultOf: (answer) => faultOf(operation, answer, problem, (schema) => ajv.compile(schema)),
    })),
  );
}

interface RawOperation {
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: Schema;
  }[];
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Record<string, Media> }>
  >;
}

function faultOf(
  { responses }: RawOperation,
  { status, headers, text }: HttpAnswer,
  problem: ValidateFunction,
  compile: (schema: object) => ValidateFunction,
): string | undefined {
  const [type = ''] = String(headers['content-type'] ?? '').split(';');
  const response = responses[status] ?? responses.default;
  if (type === 'application/problem+json') {
    const content = JSON.parse(text) as Problem;
    if (!problem(content)) return `a problem of another form: ${text}`;
    if (content.status !== status) return `a problem of another status than ${status}: ${text}`;
    if (anywhere.includes(content.code)) return undefined;
    return response?.description.includes(`\`${content.code}\``)
      ? undefined
      : `${status} ${content.code} is not described: ${text}`;
  }
  if (responses[status] === undefined) return `status ${status} is not described`;
  if (response?.content === undefined) return undefined;
  const media = response.content[type];
  if (media === undefined) return `${status} of type ${type || 'none'} is not described`;
  if (type !== 'application/json') return undefined;
  return compile(media.schema)(JSON.parse(text)) ? undefined : `${status} of another form: ${text}`;
}

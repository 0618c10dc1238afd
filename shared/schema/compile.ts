import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Static, TSchema } from './type.ts';

/** A fault of a value: a JSON Pointer (RFC 6901), and a sentence without the value. */
export type SchemaError = Pick<ErrorObject, 'instancePath' | 'keyword' | 'params'> & {
  readonly message: string;
};

/** The checks of one schema, which are compiled on first use. */
export interface Validator<T = unknown> {
  Check(value: unknown): value is T;
  /** All faults; those of a union are the faults of each of its schemas. */
  Errors(value: unknown): SchemaError[];
}

/**
 * Without checks of the schemas, which are ours and name no format, and without shorter code, since both take
 * more CPU at a start than the checks themselves ever will.
 */
export const quickStart = {
  strict: false,
  // `strict` would turn it off: JSON.parse reads 1e400 as Infinity, which is no integer.
  strictNumbers: true,
  validateFormats: false,
  validateSchema: false,
  meta: false,
  code: { optimize: false },
} as const;
let first: Ajv | undefined;
let all: Ajv | undefined;

/** The check of a schema as Fastify calls it; its `errors` has the first fault of the value that it was given last. */
export function checkOf(schema: object): ValidateFunction {
  first ??= new Ajv(quickStart);
  return first.compile(schema);
}

/** Makes the checks of a schema, by the library that Fastify and the settings use as well. */
export function Compile<T extends TSchema>(schema: T): Validator<Static<T>> {
  let check: ((value: unknown) => boolean) | undefined;
  return {
    Check(value): value is Static<T> {
      check ??= checkOf(schema);
      return check(value);
    },
    Errors(value) {
      all ??= new Ajv({ ...quickStart, allErrors: true });
      const errors = all.compile(schema);
      return errors(value) ? [] : (errors.errors ?? []).map(inHouseWords);
    },
  };
}

function inHouseWords({ instancePath, keyword, params, message = '' }: ErrorObject): SchemaError {
  return { instancePath, keyword, params, message: message.replace('must NOT', 'must not') };
}

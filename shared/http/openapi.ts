import { STATUS_CODES } from 'node:http';
import { errorTable } from '../errors.ts';
import { problemMediaType } from './problem.ts';

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, Answer>>;
}

export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, unknown>>;
}

/**
 * Completes a document of @fastify/swagger: sorts the paths, adds missing descriptions of answers, and the
 * errors that any route can end with.
 */
export function completeDocument(document: OpenApiDocument): OpenApiDocument {
  const paths = Object.entries(document.paths).sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    ...document,
    paths: mapValues(Object.fromEntries(paths), (path) => mapValues(path, complete)),
  };
}

function complete(operation: Operation): Operation {
  const responses = mapValues(operation.responses, (answer, status) =>
    answer.description === 'Default Response'
      ? { ...answer, description: STATUS_CODES[status] ?? status }
      : answer,
  );
  return { ...operation, responses: { ...responses, default: responses.default ?? anyError } };
}

const anyError: Answer = {
  description: `\`internal\`: ${errorTable.internal.title}`,
  content: {
    [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } },
  },
};

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, change(value, key)]),
  );
}

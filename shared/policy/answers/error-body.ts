import { fill, placeholders } from '../injection/template.ts';
import type { Policy } from '../schema.ts';

export type ErrorBody = NonNullable<Policy['errorBody']>;

const names = ['code', 'reason', 'title', 'detail', 'status', 'retryAfter', 'requestId'] as const;

type ErrorParts = Readonly<Record<(typeof names)[number], string>>;

const maxLength = 4096;
/** SDKs read a few levels; each costs stack. */
const maxDepth = 16;

/** Of parts that are numbers: a text of one alone becomes a number. */
const numeric = { '{status}': 'status', '{retryAfter}': 'retryAfter' } as const;

/** Fills the texts of a body. A text of a later version stays as it is. */
export function fillErrorBody(body: ErrorBody, parts: ErrorParts): unknown {
  return mapTexts(body, (text) => {
    if (isNumeric(text)) return Number(parts[numeric[text]]);
    return placeholders(text).every(isPart) ? fill(text, parts) : text;
  });
}

function isNumeric(text: string): text is keyof typeof numeric {
  return Object.hasOwn(numeric, text);
}

function isPart(name: string): boolean {
  return names.some((known) => known === name);
}

/** The faults of a body, a sentence each; empty if it can be filled. */
export function errorBodyFaults(body: ErrorBody): string[] {
  if (depthOf(body) > maxDepth) return [`the error body has more than ${maxDepth} levels`];
  if (JSON.stringify(body).length > maxLength) {
    return [`the error body has more than ${maxLength} characters`];
  }
  const used = new Set<string>();
  mapTexts(body, (text) => {
    for (const name of placeholders(text)) used.add(name);
  });
  const unknown = [...used].filter((name) => !isPart(name));
  return [
    ...unknown.map((name) => `the error body has {${name}}; it may have {${names.join('}, {')}}`),
    ...(used.has('detail') || used.has('code')
      ? []
      : ['the error body has neither {detail} nor {code}, so it would not say what is wrong']),
  ];
}

function mapTexts(value: unknown, change: (text: string) => unknown): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, mapTexts(one, change)]),
  );
}

/** Levels of objects and lists, counted to one more than is allowed. */
function depthOf(value: unknown, above = 0): number {
  if (above > maxDepth || typeof value !== 'object' || value === null) return above;
  return Math.max(above + 1, ...Object.values(value).map((one) => depthOf(one, above + 1)));
}

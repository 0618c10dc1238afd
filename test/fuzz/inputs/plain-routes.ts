import fc from 'fast-check';
import { brokenValue, jsonText } from './broken-json.ts';
import type { DescribedOperation } from './described.ts';
import { bodyWith, type HttpInput, mediaTypeHeader, someHeaders, someQuery } from './http-input.ts';
import { arbitraryOf } from './schema-arbitrary.ts';

/** A segment of a path: percent-encoded text, or escapes that mean nothing. */
const strangeSegment = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }).map(encodeURIComponent),
  fc.stringMatching(/^[!$%&'()*+,;=:@A-Za-z0-9._~-]{0,30}$/),
  fc.constantFrom('%', '%zz', '%ff', '%00', '%2f', '%2e%2e', '..', '.', ''),
);

/** Requests for an operation that takes no body, or any: parameters that fit the schema, and others. */
export function plainInputs({
  path,
  method,
  pathParameters,
}: DescribedOperation): fc.Arbitrary<HttpInput> {
  const segments = path.split('/').map((segment) => {
    const parameter = pathParameters.find(({ name }) => segment === `{${name}}`);
    if (parameter === undefined) return fc.constant(segment);
    const fitting = arbitraryOf(parameter.schema).map((value) =>
      encodeURIComponent(String(value).toWellFormed()),
    );
    return fc.oneof(fitting, strangeSegment);
  });
  const target = fc.tuple(fc.tuple(...segments), someQuery);
  const base = target.map(([parts, query]) => ({ method, path: parts.join('/') + query }));
  if (method !== 'POST') {
    return fc.tuple(base, someHeaders).map(([request, headers]) => ({ ...request, headers }));
  }
  const content = bodyWith(jsonText(brokenValue(fc.object())));
  return fc.tuple(base, someHeaders, fc.option(content)).map(([request, headers, sent]) => ({
    ...request,
    headers: sent === null ? headers : [...headers, ...mediaTypeHeader(sent.mediaType)],
    ...(sent === null ? {} : { body: sent.body, asLatin1: sent.asLatin1 }),
  }));
}

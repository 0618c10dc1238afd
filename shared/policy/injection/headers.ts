import { ClosedObject, Type } from '../../schema/type.ts';
import type { Scheme } from './scheme.ts';
import { fillAll, TemplateSchema } from './template.ts';
import { HeaderName, headerValueFault, isHeaderValue } from './values.ts';

const schema = ClosedObject({
  scheme: Type.Literal('headers'),
  headers: Type.Record(HeaderName, TemplateSchema, {
    minProperties: 1,
    additionalProperties: false,
  }),
});

export const headers: Scheme<typeof schema> = {
  schema,
  notation: {
    name: 'header',
    placeholder: 'template',
    form: 'Name: template',
    example: 'Authorization: Bearer {token}',
    separator: ':',
    isList: true,
    read: (pairs) => ({ scheme: 'headers', headers: Object.fromEntries(pairs) }),
  },
  templates: ({ headers }) =>
    Object.entries(headers).map(([name, text]) => ({
      place: `header ${JSON.stringify(name)}`,
      text,
    })),
  names: ({ headers }) => ({ headers: Object.keys(headers), query: [] }),
  valueFault: headerValueFault,
  // The text around the placeholders: a line break in it would begin another header.
  faults: ({ headers }, fields) =>
    fillAll(headers, fields)
      .filter(([, value]) => !isHeaderValue(value))
      .map(([name]) => `the value of the header ${name} has characters that a header cannot carry`),
  inject: ({ headers }, fields) => ({ headers: fillAll(headers, fields), query: [] }),
  secrets: () => [],
  describe: ({ headers }) =>
    Object.entries(headers)
      .map(([name, text]) => `${name}: ${text}`)
      .join(', '),
};

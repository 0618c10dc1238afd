import { ClosedObject, Type } from '../../schema/type.ts';
import type { Scheme } from './scheme.ts';
import { fillAll, TemplateSchema } from './template.ts';
import { encodedValueFault } from './values.ts';

const ParameterName = Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$' });
const schema = ClosedObject({
  scheme: Type.Literal('query'),
  query: Type.Record(ParameterName, TemplateSchema, {
    minProperties: 1,
    additionalProperties: false,
  }),
});

export const query: Scheme<typeof schema> = {
  schema,
  notation: {
    name: 'query',
    placeholder: 'template',
    form: 'name=template',
    example: 'key={token}',
    separator: '=',
    isList: true,
    read: (pairs) => ({ scheme: 'query', query: Object.fromEntries(pairs) }),
  },
  templates: ({ query }) =>
    Object.entries(query).map(([name, text]) => ({
      place: `query parameter ${JSON.stringify(name)}`,
      text,
    })),
  names: ({ query }) => ({ headers: [], query: Object.keys(query) }),
  valueFault: encodedValueFault,
  faults: () => [],
  inject: ({ query }, fields) => ({ headers: [], query: fillAll(query, fields) }),
  secrets: () => [],
  describe: ({ query }) =>
    `?${Object.entries(query)
      .map(([name, text]) => `${name}=${text}`)
      .join('&')}`,
};

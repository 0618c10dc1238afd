import { ClosedObject, type Static, Type } from '../../schema/type.ts';
import type { Scheme } from './scheme.ts';
import { type Fields, fill, TemplateSchema } from './template.ts';
import { encodedValueFault } from './values.ts';

const schema = ClosedObject({
  scheme: Type.Literal('basic'),
  username: TemplateSchema,
  password: TemplateSchema,
});

/** HTTP basic authentication (RFC 7617), in UTF-8. */
export const basic: Scheme<typeof schema> = {
  schema,
  notation: {
    name: 'basic',
    placeholder: 'templates',
    form: 'user template:password template',
    example: '{user}:{password}',
    separator: ':',
    isList: false,
    read: ([username, password]) => ({ scheme: 'basic', username, password }),
  },
  templates: ({ username, password }) => [
    { place: 'basic user name', text: username },
    { place: 'basic password', text: password },
  ],
  names: () => ({ headers: ['authorization'], query: [] }),
  valueFault: encodedValueFault,
  // A server would take the rest of the name for the password (RFC 7617 §2).
  faults: ({ username }, fields) =>
    fill(username, fields).includes(':') ? ['the user name of a basic credential has a colon'] : [],
  inject: (injection, fields) => {
    const encoded = Buffer.from(credential(injection, fields)).toString('base64');
    return { headers: [['authorization', `Basic ${encoded}`]], query: [] };
  },
  secrets: (injection, fields) => [credential(injection, fields)],
  describe: ({ username, password }) => `basic ${username}:${password}`,
};

function credential({ username, password }: Static<typeof schema>, fields: Fields): string {
  return `${fill(username, fields)}:${fill(password, fields)}`;
}

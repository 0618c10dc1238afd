import { createHmac } from 'node:crypto';
import { type Static, Type } from 'typebox';
import type { OutgoingRequest, Scheme } from '../../../shared/policy/injection/scheme.ts';
import { type Fields, fill, TemplateSchema } from '../../../shared/policy/injection/template.ts';
import { encodedValueFault } from '../../../shared/policy/injection/values.ts';

const schema = Type.Object(
  { scheme: Type.Literal('signed'), header: Type.String(), key: TemplateSchema },
  { additionalProperties: false },
);
type Signed = Static<typeof schema>;

/** Signs each request with a key that is made of the secret's fields. */
export const signed: Scheme<typeof schema> = {
  schema,
  notation: {
    name: 'signed',
    placeholder: 'member',
    form: 'header=name or key=template',
    example: 'key={secret}',
    separator: '=',
    isList: true,
    read: (pairs) => {
      const { header, key, ...others } = Object.fromEntries(pairs);
      return header === undefined || key === undefined || Object.keys(others).length > 0
        ? { fault: 'needs header= and key=, and nothing else' }
        : { scheme: 'signed', header, key };
    },
  },
  templates: ({ key }) => [{ place: 'signing key', text: key }],
  names: ({ header }) => ({ headers: [header], query: [] }),
  valueFault: encodedValueFault,
  faults: () => [],
  inject: (injection, fields) => (request) => ({
    headers: [[injection.header, signatureOf(keyOf(injection, fields), request)]],
    query: [],
  }),
  secrets: (injection, fields) => [keyOf(injection, fields)],
  describe: ({ header, key }) => `${header}: signature under ${key}`,
};

function keyOf({ key }: Signed, fields: Fields): string {
  return fill(key, fields);
}

/** HMAC over everything that a request is sent with. */
export function signatureOf(key: string, { method, url, headers, body }: OutgoingRequest): string {
  const own = headers[headers.indexOf('X-Own') + 1];
  return createHmac('sha256', key)
    .update(`${method} ${url.pathname}${url.search} ${own} ${body ?? ''}`)
    .digest('hex');
}

import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { keyserverDocument, secureproxyDocument } from '../../openapi/from-routes.ts';

const documents = {
  KeyServer: await keyserverDocument(),
  SecureProxy: await secureproxyDocument(),
};

type Node = Readonly<Record<string, unknown>>;

/** An example, and the JSON pointer (as a URI fragment) of the schema that it must fit. */
interface Example {
  readonly schema: string;
  readonly value: unknown;
}

/** Every example of a document: of its media types and parameters, and within its schemas. */
function examplesOf(value: unknown, pointer = '#'): Example[] {
  if (typeof value !== 'object' || value === null) return [];
  const node = value as Node;
  const inside = Object.entries(node)
    .filter(([member]) => member !== 'example' && member !== 'examples')
    .flatMap(([member, child]) =>
      examplesOf(
        child,
        `${pointer}/${encodeURIComponent(member.replace(/~/g, '~0').replace(/\//g, '~1'))}`,
      ),
    );
  const schema = 'schema' in node ? `${pointer}/schema` : pointer;
  return [
    ...inside,
    ...('example' in node ? [{ schema, value: node.example }] : []),
    ...(Array.isArray(node.examples) ? node.examples : Object.values(node.examples ?? {})).map(
      (example) => ({ schema, value: 'schema' in node ? example.value : example }),
    ),
    ...('default' in node && pointer.includes('/schema/') ? [{ schema, value: node.default }] : []),
  ];
}

/** The faults of a document's examples; empty if all fit. */
function faultsOf(document: object): string[] {
  const ajv = new Ajv2020({ strict: false, validateSchema: false });
  ajv.addSchema(document, 'document');
  return examplesOf(document).flatMap(({ schema, value }) => {
    const validate = ajv.compile({ $ref: `document${schema}` });
    return validate(value) ? [] : [`${schema}: ${ajv.errorsText(validate.errors)}`];
  });
}

t.test('every example and default fits its schema', async (t) => {
  for (const [name, document] of Object.entries(documents)) {
    t.ok(examplesOf(document).length >= 6, `${name} has ${examplesOf(document).length} examples`);
    t.same(faultsOf(document), [], name);
  }
});

t.test(
  'every JSON body of a request, and of an answer that succeeds, has an example',
  async (t) => {
    for (const [name, document] of Object.entries(documents)) {
      for (const [path, item] of Object.entries(document.paths)) {
        for (const [method, operation] of Object.entries(item)) {
          const { requestBody, responses } = operation as unknown as {
            requestBody?: { content: Node };
            responses: Readonly<Record<string, { content?: Node }>>;
          };
          const json = 'application/json';
          const bodies = [requestBody?.content[json], responses['200']?.content?.[json]];
          for (const body of bodies.filter((body) => body !== undefined)) {
            t.ok(examplesOf(body).length > 0, `${name}: ${method} ${path}`);
          }
        }
      }
    }
  },
);

t.test('an example that does not fit is found, wherever it stands', async (t) => {
  const schema = {
    type: 'object',
    properties: { code: { $ref: '#/components/schemas/Code' } },
    required: ['code'],
  };
  const components = { schemas: { Code: { enum: ['one', 'two'] } } };
  const places: Record<string, object> = {
    'in a schema': { schema: { ...schema, examples: [{ code: 'three' }] } },
    'as the example of a media type': { schema, example: { code: 'three' } },
    'as one of several': {
      schema,
      examples: { good: { value: { code: 'one' } }, bad: { value: {} } },
    },
    'as a default': { schema: { ...schema, properties: { code: { enum: [1], default: 2 } } } },
  };
  for (const [place, media] of Object.entries(places)) {
    const content = { 'application/json': media };
    const paths = { '/a/{b}': { post: { requestBody: { content } } } };
    t.equal(faultsOf({ components, paths }).length, 1, place);
  }
});

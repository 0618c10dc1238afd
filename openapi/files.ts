import { keyserverDocument, secureproxyDocument } from './from-routes.ts';
import { clientTypes } from './typescript.ts';

/** The committed documents, and the types made of them: paths relative to the project, and expected text. */
export async function openapiFiles(): Promise<{ path: string; text: string }[]> {
  const secureproxy = await secureproxyDocument();
  const documents = {
    'openapi/keyserver.json': await keyserverDocument(),
    'openapi/secureproxy.json': secureproxy,
  };
  return [
    ...Object.entries(documents).map(([path, document]) => ({
      path,
      text: `${JSON.stringify(document, null, 2)}\n`,
    })),
    { path: 'clients/node/src/api.ts', text: clientTypes(secureproxy) },
  ];
}

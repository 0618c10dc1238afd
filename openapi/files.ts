import { keyserverDocument, secureproxyDocument } from './from-routes.ts';

/** The committed documents: their paths relative to the project, and their expected text. */
export async function openapiFiles(): Promise<{ path: string; text: string }[]> {
  const documents = {
    'openapi/keyserver.json': await keyserverDocument(),
    'openapi/secureproxy.json': await secureproxyDocument(),
  };
  return Object.entries(documents).map(([path, document]) => ({
    path,
    text: `${JSON.stringify(document, null, 2)}\n`,
  }));
}

/** `npm run openapi`: writes both documents from the route schemas, and the types of the client for Node. */
import { writeFileSync } from 'node:fs';
import { openapiFiles } from './files.ts';

for (const { path, text } of await openapiFiles()) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  process.stdout.write(`${path}\n`);
}

/** `npm run openapi`: writes openapi/keyserver.json and openapi/secureproxy.json from the route schemas. */
import { writeFileSync } from 'node:fs';
import { openapiFiles } from './files.ts';

for (const { path, text } of await openapiFiles()) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  process.stdout.write(`${path}\n`);
}

import type { Environment } from '../../shared/settings/config.ts';
import { exportCommand } from '../admin-settings.ts';
import { appKeyFile, clientId, ozonType } from './setup.ts';

/** The text that the demo prints last: a call as an SDK makes it, and the way to change what is allowed. */
export function nextSteps(
  secureproxyOrigin: string,
  folder: string,
  adminSettings: Environment,
): string {
  const baseUrl = `${secureproxyOrigin}/forward/${clientId}/${ozonType}`;
  const exports = exportCommand(adminSettings);
  return `\
The services keep running: try the call above. An SDK calls with a base URL
instead, ${baseUrl}:

curl ${baseUrl}/v3/product/list \\
  -H "Authorization: Bearer $(cat '${appKeyFile(folder, 'orders')}')" \\
  -H 'Content-Type: application/json' -d '{"limit": 100}'

In another terminal, keyserver-admin changes what is allowed:

${exports && `${exports}\n`}npx keyserver-admin grant list orders

Ctrl-C ends the demo.`;
}

/**
 * A marketplace for `node --eval`: echoes the request, with a hash in place of the credential, which the
 * proxy would redact.
 */
export const upstreamProgram = `
const { createHash } = require('node:crypto');
require('node:http').createServer((request, response) => {
  const { method, url, headers: { authorization, ...headers } } = request;
  const authorizationHash = createHash('sha256').update(authorization ?? '').digest('hex');
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, headers, authorizationHash }));
}).listen(8080);
process.on('SIGTERM', () => process.exit());
`;

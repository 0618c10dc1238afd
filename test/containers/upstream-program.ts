/**
 * A marketplace in one file, for `node --eval`: answers with the request as it came, but for the
 * credential, whose hash it tells, since the proxy would take the credential itself out.
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

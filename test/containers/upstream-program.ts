/** A marketplace in one file, for `node --eval`: answers with the request as it came. */
export const upstreamProgram = `
require('node:http').createServer((request, response) => {
  const { method, url, headers } = request;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, headers }));
}).listen(8080);
process.on('SIGTERM', () => process.exit());
`;

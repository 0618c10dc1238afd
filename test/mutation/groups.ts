/** Sources that are mutated together, and the tests that must kill the mutants. */
export interface Group {
  readonly name: string;
  readonly mutate: readonly string[];
  /** Fast ones first: the first failure ends a run. */
  readonly tests: readonly string[];
}

/** A group of a folder's sources, by name. Their own tests are the default. */
const inFolder =
  (folder: string, ...also: readonly string[]) =>
  (sources: readonly string[], tests: readonly string[] = sources): Group => ({
    name: `${folder}/${sources[0]}`,
    mutate: sources.map((source) => `${folder}/${source}.ts`),
    tests: [...tests, ...also].map((test) => `test/${folder}/${test}.test.ts`),
  });

const address = inFolder('shared/address');
const policy = inFolder('shared/policy');
const injection = inFolder('shared/policy/injection');
const crypto = inFolder('shared/crypto', 'vectors');
const guard = inFolder('secureproxy/guard');
const http = inFolder('secureproxy/http');
const routes = inFolder('secureproxy/routes');
const upstream = inFolder('secureproxy/upstream');
const releases = inFolder('secureproxy/releases');
const settings = inFolder('shared/settings');

/**
 * Guard, headers, decisions, formats, revocation and key files. `shared/policy/schema.ts` is left out, since most
 * of its mutants are bounds and texts of a constant that the committed API documents hold.
 */
export const groups: readonly Group[] = [
  policy(['url', 'path'], ['path', 'url', 'token-endpoint']),
  policy(['destination'], ['destination', 'token-endpoint']),
  policy(['token-endpoint']),
  policy(['grant'], ['grant', 'pattern']),
  policy(['decide', 'verdict'], ['verdict', 'decide', 'token-endpoint']),
  policy(['routing']),
  inFolder('secureproxy/token-endpoint')(['token-request']),
  inFolder('shared/policy/parameters')(['names']),
  inFolder('shared/policy/answers')(['error-body']),
  injection(
    ['injection', 'template', 'values', 'headers', 'query', 'basic'],
    ['template', 'injection', 'schemes', '../schema'],
  ),
  address(['address-set']),
  address(['address-verdict', 'embedded-ipv4', 'host-address']),
  crypto(['aead', 'base64', 'pae', 'kid', 'open-error'], ['aead', 'base64', 'pae']),
  crypto(['caller-key']),
  crypto(['derive', 'document-mac']),
  crypto(['exchange', 'token-row']),
  crypto(['rsa-oaep']),
  crypto(['legacy-row', 'ticket']),
  guard(['own-listeners']),
  routes(['app-key']),
  inFolder('secureproxy/body-keys')(
    ['keyed-body', 'json-places', 'form-places', 'key-place'],
    ['keyed-body', '../routes/body-key'],
  ),
  inFolder('secureproxy/automaton')(
    ['automaton-run', 'byte-automaton', 'key-automaton', 'pair-tables'],
    ['automaton-run', '../http/key-search', '../envelope/json-scan'],
  ),
  http(
    ['keys-in-value', 'key-search', 'key-watch'],
    ['key-search', 'key-watch', '../routes/app-key'],
  ),
  releases(['known-changes']),
  settings(['private-file'], ['../../keyserver/keys/key-files']),
  http(['proxy-status', 'via'], ['proxy-status', 'request-headers', 'response-headers']),
  http(
    ['request-headers', 'response-headers', 'connection-header'],
    ['request-headers', 'response-headers'],
  ),
  http(['injected-query']),
  http(['form-body']),
  upstream(['pools']),
  guard(
    ['guarded-connector', 'address-guard'],
    ['guarded-connector', 'address-guard', '../call/destinations', '../upstream/tls'],
  ),
];

import type { Defence } from './defence.ts';

const formats = 'shared/crypto/exchange.ts';

/** Of KeyServer, the formats and the settings. */
export const keyserverDefences: readonly Defence[] = [
  {
    name: 'the tag of what is sealed',
    file: 'shared/crypto/aead.ts',
    text: 'decipher.final();',
    without: '',
    classes: ['exchange', 'database'],
  },
  {
    name: 'a credential belongs to its client and type',
    file: formats,
    text: "return pae(version, 'request', clientId, tokenType, String(timestamp), nonce);",
    without: "return pae(version, 'request', String(clientId && tokenType && timestamp), nonce);",
    classes: ['exchange'],
  },
  {
    name: 'a credential belongs to its nonce',
    file: formats,
    text: "return pae(version, 'request', clientId, tokenType, String(timestamp), nonce);",
    without: "return pae(version, 'request', clientId, tokenType, String(nonce && timestamp));",
    classes: ['exchange'],
  },
  {
    name: 'an answer belongs to its request',
    file: formats,
    text: "return pae(version, 'response', clientId, tokenType, nonce);",
    without: "return pae(version, 'response', String((clientId, tokenType, nonce) && ''));",
    classes: ['exchange'],
  },
  {
    name: 'a token row belongs to its client and type',
    file: 'shared/crypto/token-row.ts',
    text: 'return pae(version, kid, clientId, tokenType);',
    without: "return pae(version, kid, String((clientId, tokenType) && ''));",
    classes: ['database'],
  },
  {
    name: 'a nonce is good once',
    file: 'keyserver/release/release.ts',
    text: 'await nonces.use(JSON.stringify([requester.proxyId, requester.appId]), nonce);',
    without: '',
    classes: ['exchange'],
  },
  {
    name: 'a request is of this minute',
    file: 'keyserver/exchange/credential.ts',
    text: 'if (timestamp === undefined || Math.abs(clock.now() / 1000 - timestamp) <= freshSeconds) return;',
    without: 'if (timestamp !== null || clock) return;',
    classes: ['exchange'],
  },
  {
    name: 'a ticket ends',
    file: 'keyserver/exchange/sessions.ts',
    text: 'if (expiresAt * 1000 <= this.#clock.now()) throw new OpenError();',
    without: 'if (expiresAt === null) throw new OpenError();',
    classes: ['exchange'],
  },
  {
    name: 'an app without direct asks through a proxy',
    file: 'keyserver/release/callers.ts',
    text: 'if (proxy === undefined && document.direct !== true) {',
    without: 'if (proxy === null) {',
    classes: ['exchange'],
  },
  {
    name: 'the MAC of types, apps and proxies',
    file: 'keyserver/at-rest/document-row.ts',
    text: 'checkDocumentMac(key, row, row.mac);',
    without: 'checkDocumentMac;',
    classes: ['database'],
  },
  {
    name: 'no document comes back as it was',
    file: 'keyserver/registry/registry.ts',
    text: 'this.#checkRevision(name, row.revision);',
    without: '',
    classes: ['database'],
  },
  {
    name: 'one row for one name',
    file: 'keyserver/release/decision.ts',
    text: 'if (others.length > 0) {',
    without: 'if (others === null) {',
    classes: ['database'],
  },
  {
    name: 'KeyServer judges the destination itself',
    file: 'keyserver/release/decision.ts',
    text: 'const destination = checkAllowed(judgeDestination(policy, url));',
    without: 'const destination = checkAllowed({ allowed: true, value: policy.destinations[0] });',
    classes: ['exchange'],
  },
  {
    name: 'a key file that others can read',
    file: 'shared/settings/private-file.ts',
    text: 'if ((mode & 0o007) !== 0) {',
    without: 'if (mode === 0) {',
    classes: ['operator'],
  },
  {
    name: 'an unpinned key over plain http',
    file: 'secureproxy/config.ts',
    text: 'if (config.UNSAFE_UNPINNED_KEY === false && isPublicKeyUnguarded(config)) {',
    without: 'if (config.UNSAFE_UNPINNED_KEY === undefined && isPublicKeyUnguarded(config)) {',
    classes: ['operator'],
  },
  {
    name: 'one answer for whatever is wrong with a session',
    file: 'keyserver/exchange/sessions.ts',
    text: 'if (unwrap === undefined) throw new OpenError();',
    without:
      "if (unwrap === undefined) throw new ServiceError('session_invalid', { reason: 'key' });",
    classes: [],
    tests: ['test/adversary/exchange.test.ts'],
  },
  {
    name: 'all is read again from time to time, whatever the counter says',
    file: 'keyserver/registry/registry.ts',
    text: 'const isDue = now >= this.#documentsReadAt + rereadMs;',
    without: 'const isDue = now < this.#documentsReadAt;',
    classes: [],
    tests: ['test/adversary/change-counter.test.ts'],
  },
];

import type { Defence } from './defence.ts';

const guard = 'secureproxy/address-guard.ts';
const headers = 'secureproxy/headers.ts';
const callRequest = 'secureproxy/routes/call-request.ts';
const scrubber = 'secureproxy/scrub/scrubber.ts';
const relay = 'secureproxy/relay.ts';

/** Of SecureProxy. */
export const proxyDefences: readonly Defence[] = [
  {
    name: 'addresses that a name resolves to are judged',
    file: guard,
    text: 'await this.#checkAll(found.map(({ address }) => address));',
    without: '',
    classes: ['address'],
  },
  {
    name: 'every answer of the resolver is judged',
    file: guard,
    text: 'await this.#checkAll(found.map(({ address }) => address));',
    without: 'await this.#checkAll(found.slice(0, 1).map(({ address }) => address));',
    classes: ['address'],
  },
  {
    name: "the pair's own listeners",
    file: guard,
    text: 'if (await this.#options.ownListeners.includes(address, this.#port)) {',
    without: 'if (address === undefined) {',
    classes: ['address'],
  },
  {
    name: 'a pool for each address policy',
    file: 'secureproxy/upstream-pools.ts',
    text: "unsafeAllowPrivate.toSorted().join(' ')",
    without: "''",
    classes: ['address'],
  },
  {
    name: 'headers that may not be sent upstream',
    file: headers,
    text: "if (notSent.has(read) || notSentPrefix.test(read)) return 'not_sent';",
    without: '',
    classes: ['headers'],
  },
  {
    name: 'headers that Connection names',
    file: headers,
    text: "return hopNames.has(read) ? 'connection' : undefined;",
    without: 'return undefined;',
    classes: ['headers'],
  },
  {
    name: 'header names and values have the form of such',
    file: headers,
    text: 'for (const [name, value] of entries) checkField(name, value);',
    without: '',
    classes: ['headers'],
  },
  {
    name: 'headers of an answer that are not passed on',
    file: headers,
    text: 'notReturned.has(name) ||',
    without: '',
    classes: ['headers', 'redirect'],
  },
  {
    name: "an upstream's words in the name of the proxy",
    file: 'secureproxy/proxy-status.ts',
    text: '(member) => isWhole(member) && !ours.test(member),',
    without: '(member) => isWhole(member),',
    classes: ['headers'],
  },
  {
    name: 'a loop is seen',
    file: callRequest,
    text: 'if (isLoop(headers.via)) {',
    without: 'if (headers === undefined) {',
    classes: ['headers'],
  },
  {
    name: 'pages of other sites',
    file: callRequest,
    text: "if (site === 'cross-site' || site === 'same-site' || isForeign(headers)) {",
    without: 'if (headers === undefined) {',
    classes: ['headers'],
  },
  {
    name: 'an injected query parameter is set once',
    file: 'secureproxy/prepare.ts',
    text: 'checkQuery(judged, injectedNames(policy.injection).query);',
    without: '',
    classes: ['headers'],
  },
  {
    name: 'certificates are verified',
    file: 'secureproxy/guarded-connector.ts',
    text: 'rejectUnauthorized: true,',
    without: 'rejectUnauthorized: false,',
    classes: ['tls'],
  },
  {
    name: 'secrets are taken out of bodies',
    file: scrubber,
    text: '...(this.#secrets ? [new SecretFilter(this.#secrets)] : []),',
    without: '',
    classes: ['giveaway'],
  },
  {
    name: 'secrets are taken out of headers',
    file: scrubber,
    text: 'if (!this.#isIn(headers)) return { headers, hits: 0 };',
    without: 'if (headers) return { headers, hits: 0 };',
    classes: ['giveaway'],
  },
  {
    name: 'minted credentials are taken out',
    file: scrubber,
    text: '...(this.#members ? [new MemberFilter(this.#members)] : []),',
    without: '',
    classes: ['giveaway'],
  },
  {
    name: 'a kept release is that of one app key',
    file: 'secureproxy/release-cache.ts',
    text: 'JSON.stringify([query.appKey, query.clientId, query.tokenType])',
    without: 'JSON.stringify([query.clientId, query.tokenType])',
    classes: ['tenancy'],
  },
  {
    name: 'one app key a request',
    file: 'secureproxy/app-key.ts',
    text: 'if (others.length > 0) {',
    without: 'if (others === undefined) {',
    classes: ['tenancy'],
  },
  {
    name: 'no app key goes upstream',
    file: callRequest,
    text: 'if (outward.some(containsAppKey)) {',
    without: 'if (outward === undefined) {',
    classes: ['tenancy'],
  },
  {
    name: 'an app key has its checksum',
    file: 'secureproxy/app-key.ts',
    text: 'if (key !== null && !isCallerKey(key, prefix)) {',
    without: 'if (key === undefined) {',
    classes: ['load'],
  },
  {
    name: 'one fetch of a release at a time',
    file: 'secureproxy/release-cache.ts',
    text: 'if (running !== undefined) {',
    without: 'if (running === null) {',
    classes: ['load'],
  },
  {
    name: 'an upstream waits for a slow reader',
    file: relay,
    text: 'if (this.#body?.write(chunk) === false) controller.pause();',
    without: 'this.#body?.write(chunk); controller.resume();',
    classes: ['load'],
  },
  {
    name: 'a call has a limit of time',
    file: relay,
    text: 'setTimeout(() => this.#cancel(tooLong()), options.timeoutMs)',
    without: 'setTimeout(() => undefined, options.timeoutMs)',
    classes: ['load'],
  },
  {
    name: 'a call ends with its caller',
    file: relay,
    text: 'readonly #onClose = () => this.#cancel(callerGone());',
    without: 'readonly #onClose = () => undefined;',
    classes: ['load'],
  },
];

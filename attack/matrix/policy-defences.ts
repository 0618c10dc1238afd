import type { Defence } from './defence.ts';

const url = 'shared/policy/url.ts';
const destination = 'shared/policy/destination.ts';
const grant = 'shared/policy/grant.ts';

/** Of the decisions, which both services take: what is taken away is so at both. */
export const policyDefences: readonly Defence[] = [
  {
    name: 'a URL is spelled as its serializer spells it',
    file: url,
    text: 'if (!text.startsWith(url.origin) || !/^(?:[/?]|$)/.test(rest)) {',
    without: 'if (rest === undefined) {',
    classes: ['url'],
  },
  {
    name: 'no control characters in a URL',
    file: url,
    text: 'if (controls.test(text))\n    return denied',
    without: 'if (text === undefined)\n    return denied',
    classes: ['url'],
  },
  {
    name: 'no fragment in a URL',
    file: url,
    text: "if (text.includes('#'))",
    without: 'if (text === undefined)',
    classes: ['url'],
  },
  {
    name: 'no dot segments in a path',
    file: url,
    text: "if (path.split('/').some((segment) => dotSegment.test(segment))) {",
    without: 'if (path === undefined) {',
    classes: ['url'],
  },
  {
    name: 'no path that servers could read in two ways, where a path rule applies',
    file: destination,
    text: 'if (url.isAmbiguous) return false;',
    without: '',
    classes: ['url'],
  },
  {
    name: 'the list of destinations',
    file: destination,
    text: 'findIndex((one) => matches(one, url))',
    without: 'findIndex((one) => one)',
    classes: ['url', 'tenancy'],
  },
  {
    name: 'a wildcard is one label',
    file: destination,
    text: "if (label === '' || label.includes('.') || url.hostname",
    without: 'if (url.hostname',
    classes: ['url'],
  },
  {
    name: 'an app may do what its grants say',
    file: grant,
    text: 'if (grants.length === 0) return noGrant;\n  const byMethod',
    without: "if (grants) return allow({ client: '*', type: '*' });\n  const byMethod",
    classes: ['tenancy'],
  },
  {
    name: 'a grant speaks of its client',
    file: grant,
    text: '(grant) => matchesPattern(grant.client, clientId) && matchesPattern(grant.type, tokenType),',
    without: '(grant) => clientId !== undefined && matchesPattern(grant.type, tokenType),',
    classes: ['tenancy'],
  },
];

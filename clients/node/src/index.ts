export type { CallRequest, Checked, Explained, Problem } from './api.ts';
export { type Call, type ForwardInit, SecureProxy, type SecureProxyOptions } from './client.ts';
export { NoAnswerError, ProxyError } from './errors.ts';

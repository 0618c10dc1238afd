/** Settings of a SecureProxy whose time limits are not what is tested: a busy machine is no peer that does not answer. */
export const patience = { KEYSERVER_TIMEOUT_MS: '25000', UPSTREAM_CONNECT_TIMEOUT_MS: '25000' };

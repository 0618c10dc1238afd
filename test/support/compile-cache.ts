import { resolve } from 'node:path';

/** Environment of a program that does not keep its compiled code by itself: it starts a quarter faster. */
export const compileCache = {
  NODE_COMPILE_CACHE: resolve(import.meta.dirname, '../../node_modules/.cache/node-compile'),
};

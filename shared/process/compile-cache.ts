import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../../node_modules/.cache/node-compile');

/**
 * Caches the compiled code of modules imported from now on, which makes the next start a quarter faster. The
 * cache is not in a temporary folder, where others could plant code. A read-only folder, as in the images, is
 * only read.
 */
export function keepCompiledCode(): void {
  enableCompileCache(folder);
}

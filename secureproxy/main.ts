import { keepCompiledCode } from '../shared/process/compile-cache.ts';

keepCompiledCode();
// Imported only now, so that the compile cache covers them.
const { runService } = await import('../shared/process/run.ts');
const { secureproxyProgram } = await import('./start.ts');

await runService(secureproxyProgram, process.env, process.argv.slice(2));

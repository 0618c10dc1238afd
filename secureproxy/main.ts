import { keepCompiledCode } from '../shared/process/compile-cache.ts';

keepCompiledCode();
// Only now, so that they are kept, too.
const { runService } = await import('../shared/process/run.ts');
const { secureproxyProgram } = await import('./start.ts');

await runService(secureproxyProgram, process.env);

import { keepCompiledCode } from '../shared/process/compile-cache.ts';
import { keepObjectsYoung } from '../shared/process/young-objects.ts';

// Before the first use of the thread pool: a look-up of a name occupies a thread until its name server answers.
process.env.UV_THREADPOOL_SIZE ??= '64';
keepObjectsYoung();
keepCompiledCode();
// Imported only now, so that the compile cache covers them.
const { runService } = await import('../shared/process/run.ts');
const { secureproxyProgram } = await import('./start.ts');

await runService(secureproxyProgram, process.env, process.argv.slice(2));

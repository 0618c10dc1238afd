import { keepCompiledCode } from '../shared/process/compile-cache.ts';
import { keepObjectsYoung } from '../shared/process/young-objects.ts';

keepObjectsYoung();
keepCompiledCode();
// Imported after keepCompiledCode, so that their compiled code is cached, too.
const { runService } = await import('../shared/process/run.ts');
const { keyserverProgram } = await import('./start.ts');

await runService(keyserverProgram, process.env, process.argv.slice(2));

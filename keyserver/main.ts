import { runService } from '../shared/run.ts';
import { keyserverProgram } from './start.ts';

await runService(keyserverProgram, process.env);

import { runService } from '../shared/run.ts';
import { secureproxyProgram } from './start.ts';

await runService(secureproxyProgram, process.env);

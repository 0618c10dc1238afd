import { readEnvironment } from '../shared/dot-env.ts';
import { runService } from '../shared/run.ts';
import { startKeyserver } from './start.ts';

await runService(() => startKeyserver(readEnvironment(process.env, process.cwd())));

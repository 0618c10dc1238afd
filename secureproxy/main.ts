import { readEnvironment } from '../shared/dot-env.ts';
import { runService } from '../shared/run.ts';
import { startSecureproxy } from './start.ts';

await runService(() => startSecureproxy(readEnvironment(process.env, process.cwd())));

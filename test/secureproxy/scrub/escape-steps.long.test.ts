import t from 'tap';
import { escapeSteps } from './escape-steps.ts';

escapeSteps(t, { within: 16_384, again: 100_000 });

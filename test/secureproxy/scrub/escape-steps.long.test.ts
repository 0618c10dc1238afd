import t from 'tap';
import { escapeSteps, stepsOfAnyText } from './escape-steps.ts';

escapeSteps(t, { within: 16_384, again: 100_000 });
stepsOfAnyText(t, 100);

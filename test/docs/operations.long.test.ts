import t from 'tap';
import { followRunbook, lastParts, quickParts, restartingParts } from './runbook.ts';

t.setTimeout(900_000);

t.test('a deployment with systemd and its whole runbook, as the pages have them', (t) =>
  followRunbook(t, { ...quickParts, ...restartingParts, ...lastParts }, { startsTool: true }),
);

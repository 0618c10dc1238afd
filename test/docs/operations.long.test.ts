import t from 'tap';
import {
  dataParts,
  firstParts,
  followRunbook,
  lastParts,
  quickParts,
  restartingParts,
} from './runbook.ts';

const parts = { ...firstParts, ...quickParts, ...dataParts, ...restartingParts, ...lastParts };

t.setTimeout(900_000);

t.test('a deployment with systemd and its whole runbook, as the pages have them', (t) =>
  followRunbook(t, parts, { startsTool: true }),
);

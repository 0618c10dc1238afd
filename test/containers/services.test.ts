import t from 'tap';
import { tryCompose } from './compose.ts';
import { composeTest, containerTest, databaseImage } from './engine.ts';
import { tryImages } from './images.ts';
import { tryReplicas } from './replicas.ts';

t.setTimeout(600_000);

// In this order, since later tests use the images of the first one.
containerTest(`the images of both services work on ${databaseImage}`, tryImages);
containerTest('docker stop behind nginx fails no call', tryReplicas);
composeTest(`compose.yaml comes up on ${databaseImage}`, tryCompose);

import t from 'tap';
import { tryCompose } from './compose.ts';
import { composeTest, containerTest, databaseImage } from './engine.ts';
import { tryImages } from './images.ts';

t.setTimeout(600_000);

// One after the other, so that the second finds the first one's images.
containerTest('images', `the images of both services work on ${databaseImage}`, tryImages);
composeTest('compose.yaml', `compose.yaml comes up on ${databaseImage}`, tryCompose);

import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 make every object in its young generation. It makes those old from the start that come from code whose last
 * hundred outlived a collection, as they do in a small heap, or beside a call that took long. One such object a call
 * keeps all of the call until the next full collection, so that more code seems to make lasting objects, and so on.
 * A function literal that is assigned to a property (`this.end = () => …`) is old all the same, whatever the flags:
 * such a function is first given a name.
 */
export function keepObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}

import t from 'tap';
import { searchableRequest } from '../../../secureproxy/scrub/content-codings.ts';

t.test("keeps a caller's headers with names of objects", (t) => {
  const headers = JSON.parse('{"__proto__":"a","constructor":["b","c"],"Accept":"text/html"}');
  const sent = searchableRequest(headers);
  t.strictSame(Object.entries(sent), Object.entries(headers));
  t.equal(Object.getPrototypeOf(sent), Object.prototype);
  t.end();
});

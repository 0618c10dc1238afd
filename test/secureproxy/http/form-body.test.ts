import t from 'tap';
import { formOf } from '../../../secureproxy/http/form-body.ts';

const body = Buffer.from('a=1&b=2');
const of = (...types: string[]) => types.flatMap((type) => ['content-type', type]);

t.test('takes a body for no form if its type is one other', async (t) => {
  for (const type of [
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/vnd.api+json',
    'application/xml',
    'text/plain ;a=b',
    'image/png',
  ]) {
    t.equal(formOf(['accept', 'multipart/x', ...of(type)], body), undefined, type);
    t.equal(formOf(of(type), undefined), undefined, type);
  }
});

t.test('reads an urlencoded form that is held', async (t) => {
  for (const type of [
    'application/x-www-form-urlencoded',
    'Application/X-WWW-Form-Urlencoded',
    'application/x-www-form-urlencoded;charset=UTF-8',
    'application/x-www-form-urlencoded ; charset=utf-8',
  ]) {
    t.strictSame(formOf(of(type), body), { text: 'a=1&b=2' }, type);
    t.strictSame(formOf(of(type), undefined), { text: undefined }, type);
    t.strictSame(formOf(of(type), Buffer.alloc(65_537)), { text: undefined }, type);
    t.strictSame(formOf([...of(type), 'Content-Encoding', 'gzip'], body), { text: undefined });
  }
});

t.test('takes for a form, unread, whatever a server may take for one', async (t) => {
  for (const headers of [
    [],
    of(''),
    of('json'),
    of('multipart/form-data; boundary=x'),
    of('multipart/mixed'),
    of('application/x-www-form-urlencoded, application/json'),
    of('application/json, application/x-www-form-urlencoded'),
    of('application/json,application/xml'),
    of('application/json x'),
    of('application/x-www-form-urlencoded;charset=utf-16'),
    of('application/x-www-form-urlencoded; charset=utf-8; charset=utf-7'),
    of('application/json; a=x-www-form-urlencoded'),
    of('application/json', 'application/x-www-form-urlencoded'),
    of('application/json', 'application/json'),
    [...of('application/json'), 'Content_Type', 'multipart/form-data'],
  ]) {
    t.strictSame(formOf(headers, body), { text: undefined }, headers.join());
  }
});

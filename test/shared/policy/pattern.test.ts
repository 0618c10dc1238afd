import t from 'tap';
import { matchesPattern } from '../../../shared/policy/grant.ts';

t.test('matches the exact text, or a prefix with a star at its end', (t) => {
  const rows: [pattern: string, text: string, matches: boolean][] = [
    ['acme', 'acme', true],
    ['acme', 'acme2', false],
    ['acme', 'Acme', false],
    ['acme', ' acme', false],
    ['acme*', 'acme', true],
    ['acme*', 'acme/east', true],
    ['acme*', 'acm', false],
    ['acme*', 'xacme', false],
    ['*', 'anything', true],
    ['*', '', true],
    ['a*b', 'axb', false],
    ['a*b', 'a*b', true],
    ['*b', 'ab', false],
    ['a**', 'a*x', true],
    ['a**', 'ax', false],
    ['a.c', 'abc', false],
    ['ООО «Чай»*', 'ООО «Чай» 2', true],
    // Two spellings of one letter are two names: nothing is normalised.
    ['\u0439', '\u0438\u0306', false],
    ['\u0439*', '\u0438\u0306', false],
    ['ß', 'ss', false],
  ];
  for (const [pattern, text, matches] of rows) {
    t.equal(matchesPattern(pattern, text), matches, `${pattern} and ${text}`);
  }
  t.end();
});

import type { Test } from 'tap';
import { secretForms } from '../../../secureproxy/scrub/search/secret-forms.ts';
import { SecretSearch } from '../../../secureproxy/scrub/search/secret-search.ts';
import { SecretFilter } from '../../../secureproxy/scrub/secret-filter.ts';

export const tokens = {
  JWT: `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.${Buffer.from('{"sub":"shop-4711","iat":1764230400,"scope":"orders:read"}').toString('base64url')}.Qm9b_1-xyzKd02LqPzAbc93hd0sLLkqP2-3ka`,
  UUID: '3f2b8c1e-9d47-4a6b-8e15-7c0a2f9d6b34',
  'base64 with +/=': 'q83vEjRWeJq83u/+Zmd8hKl+Pz9/AbCdEfGh0w==',
  password: 'Tr0ub4dor&3!<"',
};

/** Asserts that a list of so many products passes as it is. */
export function harmlessJson(t: Test, products: number): void {
  t.test('takes nothing out of a marketplace’s JSON', (t) => {
    let seed = 1;
    const below = (bound: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * bound);
    };
    const digits = (length: number) =>
      Array.from({ length }, () => below(16).toString(16)).join('');
    const product = () => ({
      id: below(2 ** 31),
      uuid: `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(12)}`,
      title: `Größe ${below(60)} "Troub4dor" & x<y, размер ${below(60)}`,
      url: `https://cdn.example/p/${below(1e9)}.jpg?x=${below(99)}&y=%D1%80%20${below(99)}`,
      created: `2026-11-${10 + below(20)}T10:${10 + below(50)}:00Z`,
      hash: digits(64),
      image: Buffer.from(digits(60)).toString('base64'),
      html: `<p class="a">${below(999)} &amp; &#39;x&#39;</p>\n`,
    });
    const text = JSON.stringify(Array.from({ length: products }, product));
    const escaped = text
      .replaceAll('/', '\\/')
      .replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
    for (const [kind, token] of Object.entries(tokens)) {
      for (const one of [text, escaped]) {
        const filter = new SecretFilter(new SecretSearch(secretForms(token)));
        filter.end(Buffer.from(one));
        t.equal(filter.redactions, 0, `${kind} in ${one.length} characters`);
      }
    }
    t.end();
  });
}

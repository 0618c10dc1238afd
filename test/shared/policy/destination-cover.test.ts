import t from 'tap';
import {
  coveringPatterns,
  destinationCovers,
  pathPatternCovers,
  patternCovers,
} from '../../../shared/policy/destination-cover.ts';

type Row = readonly [pattern: string, other: string, covers: boolean];

t.test('a pattern covers what is as narrow', async (t) => {
  const rows: readonly Row[] = [
    ['*', 'shop-1', true],
    ['*', '*', true],
    ['shop-*', 'shop-1', true],
    ['shop-*', 'shop-', true],
    ['shop-*', 'shop-1*', true],
    ['shop-*', 'shop-*', true],
    ['shop-*', 'shop*', false],
    ['shop-*', '*', false],
    ['shop-1', 'shop-1', true],
    ['shop-1', 'shop-1*', false],
    ['shop-1', 'shop-12', false],
  ];
  for (const [pattern, other, covers] of rows) {
    t.equal(patternCovers(pattern, other), covers, `${pattern} ${other}`);
    t.equal(coveringPatterns(other).includes(pattern), covers, `${pattern} ${other}`);
  }
});

t.test('a path pattern without an origin holds for every origin', async (t) => {
  const rows: readonly Row[] = [
    ['/v1/*', '/v1/orders', true],
    ['/v1/*', 'https://a.example/v1/orders/*', true],
    ['/v1/*', 'https://a.example/v2', false],
    ['/*', 'https://a.example/*', true],
    ['https://a.example/*', 'https://a.example/v1', true],
    ['https://a.example/*', 'https://b.example/v1', false],
    ['https://a.example/*', '/v1', false],
  ];
  for (const [pattern, other, covers] of rows) {
    t.equal(pathPatternCovers(pattern, other), covers, `${pattern} ${other}`);
  }
});

t.test('a destination covers those below it', async (t) => {
  const rows: readonly Row[] = [
    ['https://a.example.com', 'https://a.example.com', true],
    ['https://a.example.com', 'https://a.example.com/', true],
    ['https://a.example.com', 'https://a.example.com/v1', true],
    ['https://a.example.com/v1', 'https://a.example.com', false],
    ['https://a.example.com/v1', 'https://a.example.com/v1/orders', true],
    ['https://a.example.com/v1', 'https://a.example.com/v10', false],
    ['https://a.example.com', 'https://a.example.com:8443', false],
    ['https://a.example.com', 'http://a.example.com', false],
    ['https://a.example.com', 'https://b.example.com', false],
    ['https://*.example.com', 'https://a.example.com', true],
    ['https://*.example.com', 'https://*.example.com/v1', true],
    ['https://*.example.com', 'https://a.b.example.com', false],
    ['https://*.example.com', 'https://example.com', false],
    ['https://*.example.com', 'https://aexample.com', false],
    ['https://*.example.com', 'https://*.b.example.com', false],
    ['https://a.example.com', 'https://*.example.com', false],
  ];
  for (const [destination, other, covers] of rows) {
    t.equal(destinationCovers(destination, other), covers, `${destination} ${other}`);
  }
});

import t from 'tap';
import { table } from '../../../../../keyserver/admin/shell/text/table.ts';

t.test('aligns columns by the cells of a terminal', async (t) => {
  const rows = [
    ['東京', 'a'],
    ['e\u0301', 'b'],
    ['😀x', 'c'],
    ['shop', 'd'],
  ];
  t.equal(
    table(['app', 'x'], rows, ''),
    ['APP   X', '東京  a', 'e\u0301     b', '😀x   c', 'shop  d'].join('\n'),
  );
});

t.test('cuts the widest columns as far as a terminal needs it', async (t) => {
  const rows = [['reports', 'https://api.example.com, https://api-2.example.com', 'yes']];
  const headings = ['app', 'destinations', 'open'];
  const cut = table(headings, rows, '', 40);
  t.equal(
    cut,
    [`APP      ${'DESTINATIONS'.padEnd(25)}  OPEN`, 'reports  https://api.example.com,…  yes'].join(
      '\n',
    ),
  );
  t.notMatch(table(headings, rows, ''), '…', 'elsewhere nothing is cut');
  t.equal(table(headings, rows, '', 80), table(headings, rows, ''));
  t.match(table(['app'], [['東京東京東京東京']], '', 10), /^APP\n東京東京…$/);
});

t.test('leaves columns readable if a terminal is too narrow for all', async (t) => {
  const line = table(['a', 'b', 'c'], [['1234567890', '1234567890', '1234567890']], '', 5);
  t.equal(line.split('\n')[1], '1234567…  1234567…  1234567…');
});

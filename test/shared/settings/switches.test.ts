import t from 'tap';
import { Type } from 'typebox';
import { ConfigError, parseSettings } from '../../../shared/settings/config.ts';

const schema = Type.Object({
  GENERATE_KEYS: Type.Boolean({ default: false }),
  COUNT: Type.Integer({ default: 7 }),
});

t.test('a switch is set as 1 and 0, true and false', async (t) => {
  const switchOf = (text: string) =>
    parseSettings(schema, { GENERATE_KEYS: text }).config.GENERATE_KEYS;
  t.equal(switchOf('1'), true);
  t.equal(switchOf('true'), true);
  t.equal(switchOf('0'), false);
  t.equal(switchOf('false'), false);
  t.equal(switchOf(''), false);
});

t.test('a switch is not set by other words', async (t) => {
  for (const text of ['yes', '2', 'TRUE', ' 1']) {
    t.throws(() => parseSettings(schema, { GENERATE_KEYS: text }), ConfigError, text);
  }
});

t.test('a number stays a number', async (t) => {
  t.equal(parseSettings(schema, { COUNT: '1' }).config.COUNT, 1);
});

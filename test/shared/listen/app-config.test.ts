import t from 'tap';
import { Type } from 'typebox';
import { decorateConfig } from '../../../shared/listen/app-config.ts';
import { listenerSettings } from '../../../shared/listen/listener-settings.ts';
import { parseSettings } from '../../../shared/settings/config.ts';
import { startApp } from '../app.ts';

const schema = Type.Object(listenerSettings(5000));

t.test('an app has its settings as they were parsed, in its scopes too', async (t) => {
  const { app } = await startApp(t);
  const { config } = parseSettings(schema, { OPS_PORT: '0', CALLS_MAX: '7' });
  await decorateConfig(app, schema, config);
  t.same(app.config, config);
  t.match(app.config, { PORT: 5000, OPS_PORT: 0, CALLS_MAX: 7 });
  await app.register(async (scope) => t.equal(scope.config, app.config));
});

t.test('settings that do not fit their schema do not reach an app', async (t) => {
  const { app } = await startApp(t);
  const { config } = parseSettings(schema, {});
  await t.rejects(decorateConfig(app, schema, { ...config, CALLS_MAX: 0 }), /CALLS_MAX/);
});

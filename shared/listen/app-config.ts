import fastifyEnv from '@fastify/env';
import type { Service } from '../http/service-type.ts';
import type { TObject } from '../schema/type.ts';
import { envSchemaOf, settingsValidator } from '../settings/config.ts';
import type { ListenerConfig } from './listener-settings.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Settings that all services have, after {@link decorateConfig}. */
    readonly config: ListenerConfig;
  }
}

/**
 * Makes a service's settings `app.config`, from which its limits, listeners and shutdown read them.
 * They are parsed before there is an app (`parseSettings`), for the log and for a list of all faults.
 */
export async function decorateConfig(
  app: Service,
  schema: TObject,
  config: ListenerConfig,
): Promise<void> {
  await app.register(fastifyEnv, {
    ...{ schema: envSchemaOf(schema), data: config, env: false, ajv: settingsValidator },
  });
}

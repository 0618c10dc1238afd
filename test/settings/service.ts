import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { ListenerConfig } from '../../shared/listen/listener-settings.ts';
import type { Program } from '../../shared/process/run.ts';
import { shutDown } from '../../shared/process/shutdown.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { capturedLog, type LogLine } from '../support/log.ts';

/** A service in this process, started as `runService` starts it. */
export interface StartedService {
  readonly address: AddressInfo;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly warnings: readonly string[];
  log(): LogLine[];
  /** Ends it as a signal does; resolves to whether all calls finished in time. */
  shutDown(): Promise<boolean>;
}

/** Starts a service of these settings alone; it ends after the test. @throws ConfigError */
export async function startService<C extends ListenerConfig>(
  t: Test,
  program: Program<C>,
  settings: Environment,
): Promise<StartedService> {
  const { config, warnings } = program.readSettings({ PORT: '0', ...settings });
  const { logger, lines } = capturedLog(program.name);
  await program.prepare?.(config, logger);
  const running = await program.start(config, logger);
  const { server } = running.app;
  let ended: Promise<boolean> | undefined;
  const end = () => {
    ended ??= shutDown(running);
    return ended;
  };
  t.teardown(async () => {
    server.closeAllConnections();
    await end();
  });
  const address = server.address() as AddressInfo;
  return {
    address,
    url: `http://127.0.0.1:${address.port}`,
    warnings,
    log: lines,
    shutDown: end,
  };
}

/** A folder that is removed after the test; unlike `t.testdir` not one for all that run side by side. */
export function newFolder(t: Test, name = ''): string {
  const folder = mkdtempSync(join(tmpdir(), 'settings-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const inner = join(folder, name);
  mkdirSync(inner, { recursive: true });
  return inner;
}

/** The members of a problem that tell what happened. */
export async function problemOf(answer: Response) {
  const { code, reason } = Object(await answer.json());
  return { status: answer.status, code, reason };
}

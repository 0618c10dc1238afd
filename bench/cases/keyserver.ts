import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../../shared/settings/config.ts';
import { findMariadbd, startMariadbd } from '../../test/support/mariadbd.ts';
import { ask } from '../../test/support/mysql-server.ts';
import { mysqlSettings } from '../../test/support/pair-state.ts';
import { exchangeOrder } from '../pair/calls.ts';
import { createExchanges } from '../pair/exchanges.ts';
import { type System, startSystem } from '../pair/system.ts';
import { type Case, type CaseContext, type MakeCase, plainCase } from './case.ts';

/** Linux's file system in memory. */
const memoryDisk = '/dev/shm';
/** More than two cores can unwrap in a second. */
export const maxUnwrapsPerSecond = 4000;
/** More than two cores can release by ticket in a second. */
const maxReleasesPerSecond = 20_000;

/** KeyServer alone, asked as SecureProxy asks it. */
export const keyserverCases = {
  'keyserver-ticket': (context) => byTicket('KeyServer alone, by ticket', context, context),
  'keyserver-memory': async (context) => {
    if (!existsSync(memoryDisk)) return undefined;
    const DB_FILE = join(context.parts.folder(memoryDisk), 'keyserver.db');
    const system = await startAt(context, { DB_FILE });
    return byTicket('KeyServer alone, by ticket, SQLite file in memory', context, system);
  },
  'keyserver-mysql': async (context) => {
    const program = findMariadbd();
    if (program === undefined) return undefined;
    const server = await startMariadbd(program);
    const dispose = () => server.dispose();
    const database = context.parts.database('database', server.pid() ?? 0, dispose);
    const name = 'bench';
    await ask(server.address, `CREATE DATABASE ${name}`);
    const system = await startAt(context, mysqlSettings({ ...server.address, database: name }));
    const title = 'KeyServer alone, by ticket, row in MariaDB';
    return byTicket(title, context, system, { beside: [database] });
  },
  'keyserver-rsa': async (context) => {
    const { keyserver, seconds } = context;
    const exchanges = await createExchanges(context, context.upstreamUrl);
    const count = Math.ceil(seconds * maxUnwrapsPerSecond);
    return plainCase(
      'KeyServer alone, RSA-3072 at each request',
      keyserver,
      // The nonce of each is good once.
      () => exchangeOrder(keyserver, exchanges.rsa(count), { use: 'by-turns', maxRequests: count }),
      { passes: [keyserver], warmUpRequests: 500 },
    );
  },
} satisfies Record<string, MakeCase>;

async function byTicket(
  title: string,
  { upstreamUrl, seconds }: CaseContext,
  system: System,
  more: Partial<Case> = {},
): Promise<Case> {
  const { keyserver } = system;
  const exchanges = await createExchanges(system, upstreamUrl);
  const maxRequests = Math.ceil(seconds * maxReleasesPerSecond);
  return plainCase(
    title,
    keyserver,
    async () =>
      exchangeOrder(keyserver, await exchanges.ticket(maxRequests), {
        use: 'by-turns',
        maxRequests,
      }),
    { passes: [keyserver], ...more },
  );
}

function startAt({ parts, upstreamUrl }: CaseContext, storage: Environment) {
  return startSystem(parts, { storage, origins: [new URL(upstreamUrl).origin] });
}

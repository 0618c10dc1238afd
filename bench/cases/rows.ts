import { DatabaseSync } from 'node:sqlite';
import { sealSecret } from '../../keyserver/at-rest/secret.ts';
import { type PairState, tokenType } from '../../test/support/pair-state.ts';
import { startSystem } from '../pair/system.ts';
import { baseCalls, type Case, type CaseContext, type MakeCase, plainCase } from './case.ts';

/** Cold calls with few and with many tokens stored; the requested clients are spread over the table. */
export const rowCases = {
  'cold-100-rows': (context) => coldAmong(context, 100, '100 tokens stored'),
  'cold-1m-rows': (context) => coldAmong(context, 1_000_000, '1,000,000 tokens stored'),
} satisfies Record<string, MakeCase>;

const maxAsked = 1000;

async function coldAmong(context: CaseContext, rows: number, what: string): Promise<Case> {
  const { parts, upstreamUrl } = context;
  const origins = [new URL(upstreamUrl).origin];
  const system = await startSystem(parts, { origins, fill: (state) => fill(state, rows) });
  const coldProxy = await system.startProxy({ TOKEN_CACHE_SECONDS: '0' });
  const both = [coldProxy, system.keyserver];
  const calls = { ...system, to: coldProxy, use: 'by-turns' } as const;
  return plainCase(`cold: ${what}, both services`, coldProxy, baseCalls(context, calls), {
    measured: both,
    passes: both,
    warmUpRequests: 3000,
  });
}

/** Resolves to the clients whose rows open. The rest are copies of one row, which only fill the table. */
async function fill({ admin, settings }: PairState, rows: number): Promise<string[]> {
  const name = (i: number) => `client-${String(i).padStart(9, '0')}`;
  const step = Math.max(1, Math.floor(rows / maxAsked));
  const asked = Array.from({ length: Math.ceil(rows / step) }, (_, i) => name(i * step));
  const database = new DatabaseSync(settings.DB_FILE ?? '');
  const insert = database.prepare(
    'INSERT INTO storage (client_id, token_type, token) VALUES (?, ?, ?)',
  );
  let row = '';
  database.exec('BEGIN');
  for (const clientId of asked) {
    const secret = { fields: { token: `made-up-token-${clientId}` } };
    row = sealSecret(admin.keyring, { clientId, tokenType }, secret).token;
    insert.run(clientId, tokenType, row);
  }
  database
    .prepare(
      `WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < ?)
       INSERT OR IGNORE INTO storage SELECT printf('client-%09d', i), ?, ? FROM numbers`,
    )
    .run(rows, tokenType, row);
  database.exec('COMMIT');
  database.close();
  return asked;
}

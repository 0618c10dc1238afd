import type { Command } from 'commander';
import type { Session } from './shell/session.ts';

interface CommandRow {
  readonly name: string;
  /** Its line in the help of the program. */
  readonly summary: string;
  /** Loads the module that adds its options and subcommands, which no other command pays for. */
  readonly load: () => Promise<(command: Command, session: Session) => void>;
}

/** The commands of the first level, in the order of the help. */
export const commandRows: readonly CommandRow[] = [
  {
    name: 'token',
    summary: "clients' tokens; none is ever printed",
    load: async () => (await import('./commands/token.ts')).defineToken,
  },
  {
    name: 'type',
    summary: 'token types: where tokens may go and how they are put on a request',
    load: async () => (await import('./commands/type/type.ts')).defineType,
  },
  {
    name: 'preset',
    summary: 'marketplaces that are known: their hosts, and how a token is put on a call',
    load: async () => (await import('./commands/preset/preset.ts')).definePreset,
  },
  {
    name: 'app',
    summary: 'applications and their keys',
    load: async () => (await import('./commands/caller/app.ts')).defineApp,
  },
  {
    name: 'proxy',
    summary: 'SecureProxy installations and their keys',
    load: async () => (await import('./commands/caller/proxy.ts')).defineProxy,
  },
  {
    name: 'grant',
    summary: "apps' rights to use tokens",
    load: async () => (await import('./commands/grant.ts')).defineGrant,
  },
  {
    name: 'export',
    summary: 'print all types, apps and proxies as a file',
    load: async () => (await import('./commands/fleet/fleet.ts')).defineExport,
  },
  {
    name: 'plan',
    summary: 'show what apply would change',
    load: async () => (await import('./commands/fleet/fleet.ts')).definePlan,
  },
  {
    name: 'apply',
    summary: 'make types, apps and proxies as a file has them',
    load: async () => (await import('./commands/fleet/apply.ts')).defineApply,
  },
  {
    name: 'keys',
    summary: 'at-rest keys, and with --rsa the keys of sessions',
    load: async () => (await import('./commands/keys/keys.ts')).defineKeys,
  },
  {
    name: 'rewrap',
    summary: 'seal tokens and documents with the primary key',
    load: async () => (await import('./commands/keys/rewrap.ts')).defineRewrap,
  },
  {
    name: 'migrate',
    summary: 'bring the schema up to date',
    load: async () => (await import('./commands/migrate.ts')).defineMigrate,
  },
  {
    name: 'history',
    summary: 'the history of changes, which KeyServers and proxies follow',
    load: async () => (await import('./commands/history.ts')).defineHistory,
  },
  {
    name: 'legacy',
    summary: "the earlier system's rows: check them, seal them, give them back",
    load: async () => (await import('./commands/legacy.ts')).defineLegacy,
  },
  {
    name: 'backup',
    summary: 'write all tokens, types, apps and proxies to a file, sealed',
    load: async () => (await import('./commands/backup.ts')).defineBackup,
  },
  {
    name: 'restore',
    summary: 'restore a backup into an empty database',
    load: async () => (await import('./commands/backup.ts')).defineRestore,
  },
  {
    name: 'doctor',
    summary: 'check settings, keys, database, documents and tokens',
    load: async () => (await import('./commands/doctor.ts')).defineDoctor,
  },
  {
    name: 'explain',
    summary: 'say whether a call would be allowed, and if not, what to do',
    load: async () => (await import('./commands/explain.ts')).defineExplain,
  },
];

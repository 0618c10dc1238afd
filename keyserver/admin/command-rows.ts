import type { AdminCommand } from './shell/admin-command.ts';
import type { Session } from './shell/session.ts';

/** The commands of the first level, in the order of the help, and their lines in it. */
export const summaries = {
  token: "clients' tokens; none is ever printed",
  type: 'token types: where tokens may go and how they are put on a request',
  preset: 'marketplaces that are known: their hosts, and how a token is put on a call',
  app: 'applications and their keys',
  proxy: 'SecureProxy installations and their keys',
  grant: "apps' rights to use tokens",
  export: 'print all types, apps and proxies as a file',
  plan: 'show what apply would change',
  apply: 'make types, apps and proxies as a file has them',
  keys: 'at-rest keys, and with --rsa the keys of sessions',
  rewrap: 'seal tokens and documents with the primary key',
  migrate: 'bring the schema up to date',
  history: 'the history of changes, which KeyServers and proxies follow',
  legacy: "the earlier system's rows: check them, seal them, give them back",
  backup: 'write all tokens, types, apps and proxies to a file, sealed',
  restore: 'restore a backup into an empty database',
  doctor: 'check settings, keys, database, documents and tokens',
  explain: 'say whether a call would be allowed, and if not, what to do',
};
export type CommandName = keyof typeof summaries;

type Define = (command: AdminCommand, session: Session) => void;

/** Loads the module that adds a command's options and subcommands, which no other command pays for. */
export const definitions: Readonly<Record<CommandName, () => Promise<Define>>> = {
  token: async () => (await import('./commands/token.ts')).defineToken,
  type: async () => (await import('./commands/type/type.ts')).defineType,
  preset: async () => (await import('./commands/preset/preset.ts')).definePreset,
  app: async () => (await import('./commands/caller/app.ts')).defineApp,
  proxy: async () => (await import('./commands/caller/proxy.ts')).defineProxy,
  grant: async () => (await import('./commands/grant.ts')).defineGrant,
  export: async () => (await import('./commands/fleet/fleet.ts')).defineExport,
  plan: async () => (await import('./commands/fleet/fleet.ts')).definePlan,
  apply: async () => (await import('./commands/fleet/apply.ts')).defineApply,
  keys: async () => (await import('./commands/keys/keys.ts')).defineKeys,
  rewrap: async () => (await import('./commands/keys/rewrap.ts')).defineRewrap,
  migrate: async () => (await import('./commands/migrate.ts')).defineMigrate,
  history: async () => (await import('./commands/history.ts')).defineHistory,
  legacy: async () => (await import('./commands/legacy.ts')).defineLegacy,
  backup: async () => (await import('./commands/backup.ts')).defineBackup,
  restore: async () => (await import('./commands/backup.ts')).defineRestore,
  doctor: async () => (await import('./commands/doctor.ts')).defineDoctor,
  explain: async () => (await import('./commands/explain.ts')).defineExplain,
};

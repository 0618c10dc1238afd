import { generateRsaKey, isKeyFolderEmpty } from '../../../keys/generate.ts';
import { count } from '../../../operations/count.ts';
import { makeKeyring } from '../../../operations/keys/first-key.ts';
import type { KeyKind } from '../../../operations/keys/key-folder.ts';
import { type ListedKey, listKeys } from '../../../operations/keys/key-list.ts';
import {
  newKey,
  parseReplicas,
  promoteKey,
  retireKey,
  type Step,
} from '../../../operations/keys/keys.ts';
import { inputInvalid } from '../../../operations/operation-error.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import type { Session } from '../../shell/session.ts';
import type { AdminPlaces } from '../../shell/settings.ts';
import { askForPins } from './pins.ts';

interface FolderOptions {
  readonly rsa?: boolean;
  readonly dir?: string;
}

interface StepOptions extends FolderOptions {
  readonly replicas?: string;
  readonly yes?: boolean;
}

export function defineKeys(keys: AdminCommand, session: Session): void {
  keys.examples('keyserver-admin keys list', 'keyserver-admin keys new');
  addNew(keys, session);
  addList(keys, session);
  addPromote(keys, session);
  addRetire(keys, session);
}

function addFolder(command: AdminCommand): AdminCommand {
  return command
    .option('--rsa', 'a key of RSA_KEY_DIR, not of KEYRING_DIR')
    .option('--dir <folder>', 'the folder of the keys, if it is another one');
}

function addReplicas(command: AdminCommand): AdminCommand {
  return command.option('--replicas <n>', 'how many KeyServers run; so many must confirm');
}

function addNew(keys: AdminCommand, session: Session): void {
  addFolder(keys.command('new'))
    .summary('make a key that is not in use yet')
    .description(
      `Makes a new key, named by the time, in the folder; KeyServers load it within two seconds, and use it once it is
promoted. In an empty folder it makes the first one, which is the primary key: of the at-rest keys only if the database
has no rows that another keyring sealed. If the folder cannot be written, the file is printed, an at-rest key in base64, to be distributed.`,
    )
    .examples('keyserver-admin keys new', 'keyserver-admin keys new --rsa')
    .action(async (options: FolderOptions) => {
      const { findPlaces } = await import('../../shell/settings.ts');
      const { kind, path } = folderOf(findPlaces(session.io), options);
      const now = new Date(session.io.clock.now());
      if (isKeyFolderEmpty(path)) {
        await makeFirst(session, kind, path, now);
        return;
      }
      const { name, file, content } = await newKey(kind, path, now);
      const next = `keyserver-admin keys promote ${name}${options.rsa ? ' --rsa' : ''} --replicas N`;
      if (content === undefined) {
        session.out.result(
          { key: name, file, folder: path, written: true },
          `made ${file} in ${path}; once every KeyServer has it: ${next}`,
        );
        return;
      }
      const shown = kind === 'rsa' ? content.toString('latin1').trim() : content.toString('base64');
      session.out.key({ key: name, file, folder: path, written: false, content: shown }, shown);
      session.out.note(
        `${path} cannot be written: distribute this as ${file}` +
          (kind === 'rsa' ? '' : ', decoded from base64') +
          `; it is shown only this once. Once every KeyServer has it: ${next}`,
      );
    });
}

async function makeFirst(session: Session, kind: KeyKind, folder: string, now: Date) {
  const tell = (key: string) => {
    const file = `${key}${kind === 'rsa' ? '.pem' : '.key'}`;
    session.out.result(
      { key, file, folder, written: true, primary: true },
      `made ${file} in ${folder}, its first and primary key`,
    );
  };
  if (kind === 'rsa') {
    tell(await generateRsaKey(folder, now));
    return;
  }
  await session.withStore(async (store) => {
    tell(await makeKeyring(store, folder, now));
    session.out.note(
      `back ${folder} up before a token is stored, and give it to every KeyServer: without it no token opens`,
    );
  });
}

function addList(keys: AdminCommand, session: Session): void {
  keys
    .command('list')
    .summary('list keys, who has loaded them, and what needs them')
    .description(
      'Lists at-rest keys and RSA keys, the number of processes that have loaded each, and the rows that need it.',
    )
    .examples('keyserver-admin keys list')
    .action(async () => {
      await session.withContext(async (context, settings) => {
        const rsa = settings.environment.RSA_KEY_DIR;
        const { keys: found, replicas } = await listKeys(context, [
          ['at-rest', settings.config.KEYRING_DIR],
          ...(rsa ? [['rsa', rsa] as const] : []),
        ]);
        session.out.result(
          { keys: found, replicas },
          [
            session.out.table(
              ['kind', 'key', 'primary', 'loaded by', 'tokens', 'documents', 'before-images'],
              found.map((one) => [
                one.kind,
                keyName(one),
                one.primary ? 'yes' : 'no',
                `${one.loadedBy} of ${replicas.length}`,
                one.tokens?.toLocaleString('en-US') ?? '',
                one.documents?.toLocaleString('en-US') ?? '',
                one.images?.toLocaleString('en-US') ?? '',
              ]),
              'no keys',
            ),
            '',
            session.out.table(
              ['keyserver', 'workers', 'version', 'change', 'reported'],
              replicas.map((one) => [
                `${one.host} ${one.instance.slice(0, 8)}`,
                String(one.workers),
                one.version,
                String(one.seq),
                `${one.ageSeconds} s ago`,
              ]),
              'no KeyServer reports',
            ),
          ].join('\n'),
        );
      });
    });
}

function keyName({ name, inFolder, rejectedBy }: ListedKey): string {
  const remarks = [
    ...(inFolder ? [] : ['not in the folder']),
    ...(rejectedBy.length > 0 ? [`not pinned by ${rejectedBy.join(', ')}`] : []),
  ];
  return remarks.length === 0 ? name : `${name} (${remarks.join('; ')})`;
}

function addPromote(keys: AdminCommand, session: Session): void {
  addReplicas(addFolder(keys.command('promote')))
    .summary('seal with this key from now on')
    .description(
      `Makes a key the primary one: new rows, documents and sessions are sealed with it. Refused unless so many
KeyServers, with all their workers, report that they have loaded it, which takes a few seconds. With --rsa it is also refused while a proxy tells pins that lack
it, and asks first whether all proxies of earlier versions that pin keys have it.`,
    )
    .argument('<key>', 'its name')
    .option('--yes', 'do not ask: all proxies of earlier versions that pin keys have this one')
    .examples('keyserver-admin keys promote 2026-11-28-091500 --replicas 2')
    .action((name: string, options: StepOptions) =>
      step(session, name, options, {
        ask: (place) => askForPins(session, place, name, options.yes),
        take: promoteKey,
        told: ({ isNew, isWritten }, by, { path }) => {
          if (!isNew) return `${name} is the primary key already; ${by}`;
          if (isWritten) return `${name} is the primary key now; ${by}`;
          return `${path} cannot be written: distribute the file primary with the one line ${name}; ${by}`;
        },
      }),
    );
}

function addRetire(keys: AdminCommand, session: Session): void {
  addReplicas(addFolder(keys.command('retire')))
    .summary('take a key out of use')
    .description(
      `Moves a key into the folder "retired" beside the others, since a restored backup needs it again. Refused while
a token or a document needs it, within 660 seconds of its last use as the primary key, and unless so many KeyServers
report that they use another one.`,
    )
    .argument('<key>', 'its name')
    .examples('keyserver-admin keys retire 2026-01-15 --replicas 2')
    .action((name: string, options: StepOptions) =>
      step(session, name, options, {
        take: retireKey,
        told: ({ isNew, isWritten }, by, { kind, path }) => {
          if (!isNew) return `${name} was retired before`;
          const file = `${name}${kind === 'rsa' ? '.pem' : '.key'}`;
          return isWritten
            ? `moved ${file} to ${path}/retired; do so at every KeyServer, and back it up; ${by}`
            : `${path} cannot be written: nothing needs ${file} any more; take it out of what you distribute, and keep it with the backups; ${by}`;
        },
      }),
    );
}

type Place = ReturnType<typeof folderOf>;

interface KeyStep {
  readonly ask?: (place: Place) => Promise<void>;
  readonly take: typeof promoteKey;
  /** A sentence; `by` names who confirmed. */
  readonly told: (done: Step, by: string, place: Place) => string;
}

async function step(
  session: Session,
  name: string,
  options: StepOptions,
  { ask, take, told }: KeyStep,
): Promise<void> {
  const replicas = parseReplicas(options.replicas);
  await session.withContext(async (context, settings) => {
    const place = folderOf(settings, options);
    await ask?.(place);
    session.out.note(`waiting for ${count(replicas, 'KeyServer')} to confirm`);
    const done = await take(context, { ...place, name, replicas });
    const by = `confirmed by ${done.confirmedBy.join(', ')}`;
    session.out.result({ ...done, folder: place.path }, told(done, by, place));
  });
}

/** @throws OperationError input_invalid if nothing names a folder */
function folderOf({ environment }: AdminPlaces, { rsa = false, dir }: FolderOptions) {
  const kind: KeyKind = rsa ? 'rsa' : 'at-rest';
  const setting = rsa ? 'RSA_KEY_DIR' : 'KEYRING_DIR';
  const path = dir ?? environment[setting];
  if (path) return { kind, path };
  throw inputInvalid(`${setting} is not set`, 'set it, or name the folder: --dir FOLDER');
}

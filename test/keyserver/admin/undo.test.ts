import t, { type Test } from 'tap';
import { openDocument } from '../../../keyserver/at-rest/document-row.ts';
import { changeDocument } from '../../../keyserver/operations/documents.ts';
import type { DocumentKind } from '../../../keyserver/store/store.ts';
import { type Installation, install, wildberries } from './installation.ts';

const edit = (origin: string) => ['type', 'edit', 'wildberries', '--add-destination', origin];
const grant = ['grant', 'add', 'reports', '--client', 'shop-1', '--type', 'wildberries'];
const yes = '--yes';
const iso = '2027-03-04T05:06:07.000Z';

async function setUp(t: Test): Promise<Installation> {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json(['app', 'create', 'reports']);
  return admin;
}

/** The content of a document that is stored; undefined if there is none. */
async function stored<K extends DocumentKind>(t: Test, admin: Installation, kind: K, id: string) {
  const { store, keyring } = admin.context(t);
  const row = (await store.documents()).find((one) => one.kind === kind && one.id === id);
  return row && openDocument(keyring, kind, row);
}

t.test('takes the last change of a type back, and puts it back by its number', async (t) => {
  const admin = await setUp(t);
  const before = await stored(t, admin, 'type', 'wildberries');
  await admin.json(edit('https://second.example'));
  const after = await stored(t, admin, 'type', 'wildberries');
  const line = '~ type wildberries: destinations - https://second.example';
  const dry = await admin.run(['type', 'undo', 'wildberries', '--dry-run']);
  t.equal(dry.stdout, `would undo change 3 of the type wildberries, of ${iso}\n${line}\n`);
  t.same(await stored(t, admin, 'type', 'wildberries'), after);
  t.match(await admin.failure(['type', 'undo', 'wildberries']), {
    ...{ exit: 2, code: 'confirmation_required' },
    message: `confirmation needed: undoing change 3 of the type wildberries, of ${iso}:\n  - ${line}`,
  });
  t.match(await admin.json(['type', 'undo', 'wildberries', yes]), { undone: 3, changes: [line] });
  t.same(await stored(t, admin, 'type', 'wildberries'), before);
  await admin.json(['type', 'undo', 'wildberries', '--change', '4', yes]);
  t.same(await stored(t, admin, 'type', 'wildberries'), after);
  const { stdout } = await admin.run(['type', 'history', 'wildberries']);
  const added = line.replace(' - ', ' + ');
  const rows = [
    ['5', `undid 4: ${added}`],
    ['4', `undid 3: ${line}`],
    ['3', added],
    ['1', '+ type wildberries: https://api.example.com, Authorization: {token}'],
  ];
  t.same(
    stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split(/ {2,}/)),
    [['CHANGE', 'MADE AT', 'DIFFERENCE'], ...rows.map(([n, difference]) => [n, iso, difference])],
  );
  t.same((await admin.json(['type', 'history', 'wildberries']))[0], {
    change: 5,
    at: iso,
    undid: 4,
    keysChangedAt: null,
    changes: [added],
  });
});

t.test('says what it takes away, before and without a terminal', async (t) => {
  const admin = await setUp(t);
  await admin.json(edit('https://second.example'));
  await admin.json(grant);
  const taken = /tokens of the type "wildberries" go to https:\/\/second.example no more/;
  const undo = ['type', 'undo', 'wildberries'];
  t.match(await admin.failure(undo), { message: taken });
  const asked = await admin.run(undo, { stdin: 'n\n', stdinIsTerminal: true });
  t.match(asked, {
    code: 2,
    stderr:
      /^~ type wildberries: destinations - https:\/\/second.example\nundoing change 3 .*:\n.*\ngo on/,
  });
  t.match(asked.stderr, taken);
  t.match(await admin.run([...undo, '--dry-run']), { code: 0, stderr: taken });
  t.match(await admin.run([...undo, yes]), { code: 0, stderr: taken });
});

t.test('undoes a creation and a deletion of a type', async (t) => {
  const admin = await setUp(t);
  const before = await stored(t, admin, 'type', 'wildberries');
  t.match(await admin.run(['type', 'undo', 'wildberries', yes]), {
    ...{
      code: 0,
      stdout: `undid change 1 of the type wildberries, of ${iso}, which deletes the type`,
    },
  });
  t.equal(await stored(t, admin, 'type', 'wildberries'), undefined);
  t.match(await admin.json(['type', 'undo', 'wildberries', '--change', '3', yes]), {
    changes: [/^\+ type wildberries: https:\/\/api.example.com/],
  });
  t.same(await stored(t, admin, 'type', 'wildberries'), before);
  t.match(await admin.failure(['type', 'undo', 'ozon']), { exit: 1, code: 'not_found' });
});

t.test('never brings keys back', async (t) => {
  const admin = await setUp(t);
  await admin.json(grant);
  await admin.json(['app', 'rotate', 'reports', '--overlap', '1h']);
  const rotated = await stored(t, admin, 'app', 'reports');
  t.match(await admin.json(['app', 'undo', 'reports', '--change', '3', yes]), {
    changes: ['- grant of reports: client shop-1, type wildberries, all methods, all paths'],
  });
  t.same(
    await stored(t, admin, 'app', 'reports'),
    { ...rotated, grants: [] },
    'the keys, and the end of the overlap, are those of now',
  );
  await admin.json(['app', 'undo', 'reports', '--change', '5', yes]);
  await admin.json(['app', 'revoke', 'reports', yes]);
  const back = await admin.run(['app', 'undo', 'reports', yes]);
  t.match(back, {
    code: 0,
    stdout: /^\+ app reports$/m,
    stderr: /the app reports has no key; give it a new key: keyserver-admin app rotate reports/,
  });
  t.match(await stored(t, admin, 'app', 'reports'), { keys: [], grants: [{ client: 'shop-1' }] });
  t.match(await admin.json(['app', 'rotate', 'reports']), { key: /^spk_/ });
});

t.test('leaves the certificates that a proxy must have, and restores them with it', async (t) => {
  const admin = await install(t);
  const limit = (...args: string[]) => admin.json(['proxy', 'limit', 'dc-1', ...args, yes]);
  await admin.json([
    'proxy',
    'create',
    'dc-1',
    '--certificate-name',
    'a',
    '--certificate-name',
    'b',
  ]);
  await limit('--certificate-name', 'b', '--client', 'shop-*');
  await admin.json(['proxy', 'undo', 'dc-1', yes]);
  const { keys, ...limits } = (await stored(t, admin, 'proxy', 'dc-1')) ?? { keys: [] };
  t.same([keys.length, limits], [1, { certificateNames: ['b'] }], 'a was revoked');
  await limit('--certificate-name', 'c');
  t.match(await admin.failure(['proxy', 'undo', 'dc-1', yes]), {
    ...{ exit: 2, code: 'input_invalid', message: /certificates' names alone/ },
  });
  await admin.json(['proxy', 'revoke', 'dc-1', yes]);
  await admin.json(['proxy', 'undo', 'dc-1', yes]);
  t.same(await stored(t, admin, 'proxy', 'dc-1'), { keys: [], certificateNames: ['c'] });
});

t.test('changes nothing if the document is another one by then', async (t) => {
  const admin = await setUp(t);
  await admin.json(edit('https://second.example'));
  async function* answerAfterChange() {
    await admin.json(edit('https://third.example'));
    yield Buffer.from('y\n');
  }
  const ran = await admin.run(['type', 'undo', 'wildberries'], {
    stdin: answerAfterChange(),
    stdinIsTerminal: true,
  });
  t.match(ran, { code: 1, stderr: /somebody else has changed the type "wildberries" meanwhile/ });
  t.match(await stored(t, admin, 'type', 'wildberries'), { destinations: { length: 3 } });
});

t.test('refuses images that somebody changed, removed or never kept', async (t) => {
  const admin = await setUp(t);
  await admin.json(edit('https://second.example'));
  await admin.json(edit('https://third.example'));
  const undo = ['type', 'undo', 'wildberries', yes];
  admin.sql('CREATE TABLE copies AS SELECT * FROM document_images');
  const tampered = async (sql: string) => {
    admin.sql(sql);
    const failure = await admin.failure(undo);
    const listed = await admin.run(['type', 'history', 'wildberries']);
    const { stdout } = await admin.run(['doctor']);
    admin.sql('DELETE FROM document_images');
    admin.sql('INSERT INTO document_images SELECT * FROM copies');
    return { ...failure, listed, doctor: /^before-images.*(\n .*)*/m.exec(stdout)?.[0] };
  };
  t.match(await tampered("UPDATE document_images SET body = REPLACE(body, 'api.', 'evil.')"), {
    ...{ exit: 1, code: 'integrity_failed', message: /change 4 of the type .* does not open/ },
    listed: {
      code: 1,
      stdout: /^4 +does not open/m,
      stderr: /^error: the before-image of change 4/,
    },
    doctor:
      /^before-images +fault +of 4 changes\n +- .*change 4 of the type .* does not open.*delete all rows of each from document_images/s,
  });
  t.match(await tampered('DELETE FROM document_images WHERE revision = 3'), {
    ...{ exit: 1, code: 'integrity_failed', message: /missing, or others/ },
    doctor: /fault/,
  });
  t.match(await tampered('DELETE FROM document_images WHERE revision = 4'), {
    ...{ exit: 1, code: 'not_found', message: /has no before-image/ },
    listed: { code: 0, stdout: /^3 .*not known/m, stderr: /^note: the last change of/ },
    doctor: /^before-images +warning +of 3 changes\n +- the last change of the type/,
  });
  t.match(await tampered('DELETE FROM document_images'), {
    ...{ exit: 1, code: 'not_found', listed: { code: 0, stdout: 'no changes are kept\n' } },
    doctor: /^before-images +ok +of 0 changes/,
  });
  admin.sql("UPDATE documents SET mac = 'x' WHERE kind = 'type'");
  t.match(await admin.failure(undo), {
    code: 'integrity_failed',
    message: /does not open: its row/,
  });
});

t.test('rejects a type that would not be taken any more', async (t) => {
  const admin = await install(t);
  await changeDocument(admin.context(t), 'type', 'wildberries', () => ({
    destinations: ['http://api.example.com'],
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
  }));
  await admin.json(wildberries);
  t.match(await admin.failure(['type', 'undo', 'wildberries', yes]), {
    ...{ exit: 2, code: 'input_invalid', message: /http:/ },
  });
});

t.test('takes back what a restore has put over a document', async (t) => {
  const admin = await setUp(t);
  await admin.json(['backup', 'before.backup']);
  await admin.json(edit('https://second.example'));
  await admin.json(['restore', 'before.backup', '--merge']);
  t.match(await stored(t, admin, 'type', 'wildberries'), { destinations: { length: 1 } });
  t.match(await admin.json(['type', 'undo', 'wildberries', yes]), {
    changes: ['~ type wildberries: destinations + https://second.example'],
  });
});

t.test('goes back to before a change, whatever came after, and only once', async (t) => {
  const admin = await setUp(t);
  const before = await stored(t, admin, 'type', 'wildberries');
  for (const origin of ['https://second.example', 'https://third.example']) {
    await admin.json(edit(origin));
  }
  await admin.json(['type', 'edit', 'wildberries', '--cache-seconds', '5']);
  const undo = ['type', 'undo', 'wildberries', '--change', '3'];
  const later = [
    /^with it goes change 5, of .*: ~ type wildberries: cacheSeconds not set -> 5$/m,
    /^with it goes change 4, of .*: ~ type wildberries: destinations \+ https:\/\/third.example$/m,
  ];
  const asked = await admin.run(undo, { stdin: 'n\n', stdinIsTerminal: true });
  for (const line of later) t.match(asked.stderr, line, 'what came after is told first');
  const failed = await admin.failure(undo);
  t.match(failed, { exit: 2, code: 'confirmation_required' });
  for (const line of later) t.match(failed.message.replaceAll('  - ', ''), line);
  const dry = await admin.run([...undo, '--dry-run']);
  t.match(
    dry.stdout,
    /^would undo change 3 of the type wildberries, of .*, and 2 changes after it$/m,
  );
  t.match(await admin.json([...undo, yes]), {
    undone: 3,
    later: [{ change: 5 }, { change: 4 }],
    changes: [/- https:\/\/second.example - https:\/\/third.example$/, /cacheSeconds 5 -> not set/],
  });
  t.same(await stored(t, admin, 'type', 'wildberries'), before);
  const seq = await admin.context(t).store.lastSeq();
  t.match(await admin.run([...undo, yes]), {
    code: 0,
    stdout: 'nothing to undo: the type wildberries is as it was before change 3\n',
  });
  t.match(await admin.json(undo), { undone: null, changes: [] });
  t.equal(await admin.context(t).store.lastSeq(), seq);
  t.match(await admin.failure([...undo.slice(0, -1), '2', yes]), {
    ...{
      exit: 1,
      code: 'not_found',
      message: /has no change 2 that is kept/,
      hint: /type history/,
    },
  });
  t.match(await admin.failure([...undo.slice(0, -1), '3x', yes]), {
    exit: 2,
    code: 'input_invalid',
  });
});

t.test('undoes once, however often and from wherever it is asked for', async (t) => {
  const admin = await setUp(t);
  await admin.json(edit('https://second.example'));
  await admin.json(edit('https://third.example'));
  const undo = ['type', 'undo', 'wildberries', yes];
  const runs = await Promise.all(Array.from({ length: 6 }, () => admin.run(undo)));
  t.equal(runs.filter(({ code }) => code === 0).length, 1);
  for (const { code, stderr } of runs.filter((one) => one.code !== 0)) {
    t.match(stderr, code === 1 ? /somebody else has changed/ : /5, has undone change 4 already/);
  }
  t.match(await stored(t, admin, 'type', 'wildberries'), { destinations: { length: 2 } });
  t.match(await admin.failure(undo), {
    ...{ exit: 2, code: 'input_invalid', message: /5, has undone change 4 already/ },
    hint: /put back .* wildberries --change 5; to go further back: .* wildberries --change 3$/,
  });
  await admin.json([...undo, '--change', '3']);
  t.match(await stored(t, admin, 'type', 'wildberries'), { destinations: { length: 1 } });
  t.match(await admin.failure(undo), { hint: /--change 6; .*back: .*--change 1$/ });
});

t.test('does not take a creation back after a change of keys, and says how', async (t) => {
  const admin = await setUp(t);
  await admin.json(['app', 'rotate', 'reports', yes]);
  const rotated = await stored(t, admin, 'app', 'reports');
  const undo = ['app', 'undo', 'reports'];
  t.match(await admin.failure([...undo, yes]), {
    ...{ exit: 2, code: 'input_invalid', message: /of its keys, which no undo takes back/ },
    hint: /change before, which created the app: keyserver-admin app undo reports --change 2$/,
  });
  t.same(await stored(t, admin, 'app', 'reports'), rotated);
  t.match((await admin.run(['app', 'history', 'reports'])).stdout, /^2 .*; keys changed at 2027/m);
  t.match(await admin.failure([...undo, '--change', '2']), {
    code: 'confirmation_required',
    message:
      /undoing change 2 of .*, which deletes the app:\n.*- app reports\n.*is deleted with 1 key that works and 0 grants$/,
  });
  t.match(await admin.run([...undo, '--change', '2', yes]), {
    ...{ code: 0, stdout: /which deletes the app/, stderr: /deleted with 1 key that works/ },
  });
  t.match((await admin.run([...undo, '--change', '2', yes])).stdout, /^nothing to undo/);
});

t.test('takes the last change back after a new history, by its own number', async (t) => {
  const admin = await setUp(t);
  await admin.json(grant);
  await admin.json(['history', 'new']);
  t.match(await admin.json(['app', 'undo', 'reports', '--dry-run']), { undone: 3 });
  t.match(await admin.json(['app', 'undo', 'reports', '--change', '3', yes]), { undone: 3 });
});

t.test('notices a deleted document that was restored and deleted again meanwhile', async (t) => {
  const admin = await setUp(t);
  await admin.json(['app', 'revoke', 'reports', yes]);
  async function* answerAfterChanges() {
    await admin.json(['app', 'undo', 'reports', yes]);
    await admin.json(['app', 'revoke', 'reports', yes]);
    yield Buffer.from('y\n');
  }
  const ran = await admin.run(['app', 'undo', 'reports'], {
    stdin: answerAfterChanges(),
    stdinIsTerminal: true,
  });
  t.match(ran, { code: 1, stderr: /somebody else has changed the app "reports" meanwhile/ });
  t.equal(await stored(t, admin, 'app', 'reports'), undefined);
});

t.test('deletes no document that a restore has brought into an empty database', async (t) => {
  const admin = await setUp(t);
  await admin.json(['backup', 'whole.backup']);
  for (const table of ['documents', 'document_images']) admin.sql(`DELETE FROM ${table}`);
  await admin.json(['restore', 'whole.backup']);
  t.match(await admin.failure(['type', 'undo', 'wildberries', yes]), {
    ...{ exit: 1, code: 'not_found', message: /has no before-image/, hint: /by a restore/ },
  });
  t.match((await admin.run(['doctor'])).stdout, /^before-images +ok +of 0 changes/m);
  await admin.json(edit('https://second.example'));
  t.match(await admin.json(['type', 'undo', 'wildberries', yes]), { undone: Number });
  t.match(await stored(t, admin, 'type', 'wildberries'), { destinations: { length: 1 } });
});

t.test('tells of a change without an image that goes with the one that is named', async (t) => {
  const admin = await setUp(t);
  await admin.json(edit('https://second.example'));
  await admin.json(edit('https://third.example'));
  admin.sql('DELETE FROM document_images WHERE revision = 4');
  t.match(await admin.failure(['type', 'undo', 'wildberries', yes]), { code: 'not_found' });
  t.match(await admin.run(['type', 'undo', 'wildberries', '--change', '3', yes]), {
    ...{
      code: 0,
      stderr: /^note: the last change of the type "wildberries" has no before-image$/m,
    },
    stdout: /- https:\/\/second.example - https:\/\/third.example$/m,
  });
});

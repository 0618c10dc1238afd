import { isDeepStrictEqual } from 'node:util';
import { visible } from '../../../test/support/tampering.ts';
import type { Attack } from '../../scene/attack.ts';
import { type Expected, type Fault, requestAttacks, startFrom } from '../../scene/keyserver.ts';
import { credentialFaults, sessionKeyFaults } from './bytes.ts';
import { callerAttacks } from './callers.ts';
import { formAttacks } from './form.ts';
import { replayAttacks } from './replay.ts';
import { ticketFaults } from './tickets.ts';

const named = (what: string, faults: Readonly<Record<string, Fault>>) =>
  Object.fromEntries(Object.entries(faults).map(([name, fault]) => [`${what} ${name}`, fault]));

/** All that is wrong with a session: one answer, or KeyServer could be asked which check failed. */
const sessionFaults: Readonly<Record<string, Fault>> = {
  ...named('a wrapped key', sessionKeyFaults),
  ...named('a credential', credentialFaults),
  ...named('a ticket', ticketFaults),
};

export const exchangeAttacks: readonly Attack[] = [
  ...requestAttacks(
    'exchange',
    Object.fromEntries(
      Object.entries(sessionFaults).map(([name, fault]): [string, Expected] => [
        name,
        [fault, 'session_invalid'],
      ]),
    ),
  ),
  {
    class: 'exchange',
    name: 'telling by the answer what is wrong with a session',
    ownOnly: true,
    run: async (scene) => {
      const given = await startFrom(scene);
      const answers: { name: string; seen: unknown }[] = [];
      for (const [name, fault] of Object.entries(sessionFaults)) {
        answers.push({ name, seen: visible(await given.post(await fault(given))) });
      }
      const others = answers.filter(({ seen }) => !isDeepStrictEqual(seen, answers[0]?.seen));
      const happened =
        others.length === 0
          ? `${answers.length} faults, all answers equal`
          : `other answers to: ${others.map(({ name }) => name).join('; ')}`;
      return { held: others.length === 0 && answers.length > 1, happened };
    },
  },
  ...replayAttacks,
  ...callerAttacks,
  ...formAttacks,
];

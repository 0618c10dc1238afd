import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet';
import type { Test } from 'tap';

const nameUnknown = 3;
const failures = { SERVFAIL: 2, REFUSED: 5, silent: undefined };

type Family = 4 | 6;

/** A name server of loopback that answers as it is told. */
export interface NameServer {
  /** As `UPSTREAM_DNS_SERVERS` takes it. */
  readonly address: string;
  /** Names that were asked for, once for each family. */
  readonly asked: readonly string[];
  /** Says what a name resolves to; of several lists each serves one question, and the last one for good. */
  answer(name: string, ...addresses: readonly (readonly string[])[]): void;
  /** From now on questions for one family of a name fail so, or get no answer. */
  fail(name: string, family: Family, failure: keyof typeof failures): void;
}

/** Starts a name server that knows no name until it is told. */
export async function startNameServer(test: Pick<Test, 'teardown'>): Promise<NameServer> {
  const zone = new Map<string, (readonly string[])[]>();
  const failing = new Map<string, number | undefined>();
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (message, { address, port }) => {
    const { id = 0, questions = [] } = decode(message);
    const [question] = questions;
    if (question === undefined) return;
    const name = question.name.toLowerCase();
    const family = question.type === 'AAAA' ? 6 : 4;
    asked.push(name);
    const key = `${name} ${family}`;
    const failure = failing.get(key);
    if (failing.has(key) && failure === undefined) return;
    const turns = zone.get(key);
    const addresses = (turns && turns.length > 1 ? turns.shift() : turns?.[0]) ?? [];
    const answer = encode({
      type: 'response',
      id,
      flags: AUTHORITATIVE_ANSWER | (failure ?? (turns === undefined ? nameUnknown : 0)),
      questions: [question],
      answers: (failure === undefined ? addresses : []).map((data) =>
        family === 6
          ? { type: 'AAAA', name: question.name, ttl: 0, data }
          : { type: 'A', name: question.name, ttl: 0, data },
      ),
    });
    socket.send(answer, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  test.teardown(() => new Promise<void>((done) => socket.close(done)));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    fail: (name, family, failure) =>
      void failing.set(`${name.toLowerCase()} ${family}`, failures[failure]),
    answer(name, ...turns) {
      for (const family of [4, 6]) {
        const ofFamily = turns.map((list) =>
          list.filter((address) => isIPv6(address) === (family === 6)),
        );
        zone.set(`${name} ${family}`, ofFamily);
      }
    },
  };
}

import {
  createAuthority,
  days,
  type ServerIdentity,
  selfSigned,
} from '../../test/support/certificates.ts';
import { startUpstream } from '../../test/support/upstream.ts';
import { type Attack, type Outcome, type OwnScene, ownOf, type Scene } from '../scene/attack.ts';
import { impostorAddress } from '../scene/own-scene.ts';
import { call, describe } from '../scene/wire.ts';

type Certificate = (host: string, own: OwnScene) => Promise<ServerIdentity>;

/** Certificates that a man in the middle could present. */
const certificates = {
  'that has ended': (host, { issue }) =>
    issue({ names: [host], notBefore: days(-9), notAfter: days(-1) }),
  'that is not good yet': (host, { issue }) =>
    issue({ names: [host], notBefore: days(1), notAfter: days(9) }),
  'of another name': (_host, { issue }) => issue({ names: ['other.market.example'] }),
  'of the name with another behind': (host, { issue }) =>
    issue({ names: [`${host}.evil.example`] }),
  'of the address alone': (_host, { issue }) => issue({ names: [impostorAddress] }),
  'signed by itself': (host) => selfSigned({ alternatives: [{ type: 'dns', value: host }] }),
  'of a CA that nobody knows': async (host) => (await createAuthority()).issue({ names: [host] }),
  'with the name in its subject alone': (host) =>
    selfSigned({ subject: `CN=${host}`, alternatives: [] }),
} satisfies Readonly<Record<string, Certificate>>;

let count = 0;

/** Calls an upstream that presents the certificate under a name that the type allows. */
export async function show(scene: Scene, make: Certificate): Promise<Outcome> {
  const own = ownOf(scene);
  const host = `tls${count++}.market.example`;
  own.names.answer(host, [impostorAddress]);
  const identity = await make(host, own);
  const closings: (() => unknown)[] = [];
  const impostor = await startUpstream(
    { teardown: (close) => void closings.push(close as () => unknown) },
    { identity, host: impostorAddress, port: own.port },
  );
  try {
    const answer = await call(scene, { TokenType: 'tls', ApiUri: `https://${host}:${own.port}/` });
    const held = answer.code === 'upstream_unreachable' && impostor.requests.length === 0;
    return { held, happened: `${describe(answer)}, ${impostor.requests.length} requests arrived` };
  } finally {
    for (const close of closings) await close();
  }
}

export const tlsAttacks: readonly Attack[] = [
  ...Object.entries(certificates).map(
    ([name, make]): Attack => ({
      class: 'tls',
      name: `a certificate ${name}`,
      ownOnly: true,
      run: (scene) => show(scene, make),
    }),
  ),
];

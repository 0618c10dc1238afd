import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { answer } from '../../test/support/upstream.ts';
import { type Attack, ownOf, type Scene } from '../scene/attack.ts';
import { describe, exchangeBytes, readAnswer, type WireAnswer } from '../scene/wire.ts';

const TokenType = 'spoken';

interface Request {
  readonly appKey?: string | undefined;
  readonly tokenType?: string;
  readonly headers?: readonly string[];
}

async function forward(
  { proxy, clientId }: Scene,
  { appKey, tokenType = TokenType, headers = [] }: Request,
): Promise<WireAnswer> {
  const lines = [
    `POST /forward/${clientId}/${tokenType}/v1 HTTP/1.1`,
    `Host: ${new URL(proxy).host}`,
    'Connection: close',
    'Content-Length: 0',
    ...(appKey === undefined ? [] : [`X-Api-Key: ${appKey}`]),
    ...headers,
  ];
  return readAnswer(await exchangeBytes(proxy, `${lines.join('\r\n')}\r\n\r\n`));
}

const ownMark = /^x-secureproxy-/im;

/** A type that has such errors answers strangers as one that has none. */
const told: Attack = {
  class: 'forward',
  name: 'strangers who look for the form of errors of a type',
  ownOnly: true,
  run: async (scene) => {
    const { strangerKey, otherKey } = ownOf(scene);
    const keys = [undefined, makeCallerKey('spk_'), strangerKey, otherKey];
    const seen = await Promise.all(
      keys.map(async (appKey) => {
        const spoken = await forward(scene, { appKey });
        const usual = await forward(scene, { appKey, tokenType: scene.tokenType });
        const isSame = spoken.code !== '' && spoken.code === usual.code && spoken.status >= 400;
        return { answer: spoken, held: isSame };
      }),
    );
    return {
      held: seen.every(({ held }) => held),
      happened: seen.map((one) => describe(one.answer)).join('; '),
    };
  },
};

const injected: Attack = {
  class: 'forward',
  name: 'a request id that is JSON or a placeholder, for errors of a type',
  ownOnly: true,
  run: async (scene) => {
    scene.upstream.script((socket) => void socket.destroy());
    const answers = await Promise.all(
      ['","code":"ok","x":"', '{code}{detail}', '\\'].map((id) =>
        forward(scene, { appKey: scene.appKey, headers: [`X-Request-Id: ${id}`] }),
      ),
    );
    const held = answers.every(({ status, body, head }) => {
      const { code, message, id, ...more } = JSON.parse(body.toString());
      const isOurs = status === 502 && code === 'upstream_unreachable' && ownMark.test(head);
      const isPlain = !/[{}"\\]/.test(`${message}${id}`) && Object.keys(more).length === 0;
      return isOurs && isPlain && !body.includes(scene.token);
    });
    return { held, happened: answers.map((one) => one.body.toString()).join('; ') };
  },
};

const forged: Attack = {
  class: 'forward',
  name: "a marketplace's error that looks as one of the proxy's",
  ownOnly: true,
  run: async (scene) => {
    const marks: [string, string][] = [
      ['X-SecureProxy-Error', 'grant_denied'],
      ['X-SecureProxy-Reason', 'no_grant'],
      ['Proxy-Status', 'secureproxy; error=http_request_denied'],
    ];
    scene.upstream.script((socket) => void socket.write(answer(403, '{}', marks)));
    const theirs = await forward(scene, { appKey: scene.appKey });
    const held =
      theirs.status === 403 && !ownMark.test(theirs.head) && !/error=/i.test(theirs.head);
    return { held, happened: `${describe(theirs)}, ${held ? 'without' : 'with'} the marks` };
  },
};

/** Errors in a type's own form, for who may not see it, and by who would write it. */
export const errorBodyAttacks: readonly Attack[] = [told, injected, forged];

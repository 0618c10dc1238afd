import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { Attack, Outcome, Scene } from '../scene/attack.ts';
import { describe, exchangeBytes, readAnswer } from '../scene/wire.ts';

interface Try {
  readonly type: 'application/json' | 'application/x-www-form-urlencoded';
  readonly body: (key: string) => string;
  readonly tokenType?: string;
}

const json = (body: Try['body'], tokenType?: string): Try => ({
  type: 'application/json',
  body,
  ...(tokenType !== undefined && { tokenType }),
});
const form = (body: Try['body']): Try => ({ type: 'application/x-www-form-urlencoded', body });
const other = () => makeCallerKey('spk_');

/** Bodies of which nothing may arrive. */
const refusals: Readonly<Record<string, Try>> = {
  'a member that the type does not name': json((key) => `{"other":"${key}"}`),
  'a second member besides': json((key) => `{"api_key":"${key}","other":"${key}"}`),
  'a member of the right name elsewhere': json((key) => `{"a":{"api_key":"${key}"}}`),
  'an array': json((key) => `[{"api_key":"${key}"}]`),
  'a member of a type that names none': json((key) => `{"api_key":"${key}"}`, 'market'),
  'a name alone': json((key) => `{"${key}":1}`),
  'a name, beside the right member': json((key) => `{"api_key":"${key}","${key}":1}`),
  'an escaped name, beside the right member': json(
    (key) => `{"api_key":"${key}","\\u0073pk_${key.slice(4)}":1}`,
  ),
  'the name of a pair, beside the right one': form((key) => `api_key=${key}&%73pk_${key.slice(4)}`),
  'a pair behind a semicolon': form((key) => `a=1;api_key=${key}`),
  'two keys': json((key) => `{"api_key":"${key}","auth":{"token":"${other()}"}}`),
  'two keys in members of one name': json((key) => `{"api_key":"${other()}","api_key":"${key}"}`),
  'two keys in a form': form((key) => `api_key=${key}&api_key=${other()}`),
  'a key that is cut short': json((key) => `{"api_key":"${key.slice(0, -1)}"}`),
  'an unknown key': form(() => `api_key=${other()}`),
  'the right member of what is not JSON': json((key) => `{"api_key":"${key}"},`),
  'a nest too deep to search': json(
    (key) => `{"api_key":"${key}","a":${'['.repeat(200)}${']'.repeat(200)}}`,
  ),
};

/** Bodies of which the rest may arrive. */
const arrivals: Readonly<Record<string, Try>> = {
  'the right member': json((key) => `{"a":1,"api_key":"${key}"}`),
  'the right member of a member': json((key) => `{"auth":{"token":"${key}"}}`),
  'JSON escapes': json((key) => `{"api_key":"\\u0073\\u0070k\\u005f${key.slice(4)}"}`),
  'escaped names': json((key) => `{"\\u0061pi_key":"${key}"}`),
  'URL escapes in JSON': json((key) => `{"api_key":"%73pk%255F${key.slice(4)}"}`),
  'escapes of a form': form((key) => `api_key=%73pk_${key.slice(4)}&a=1`),
  'double escapes of a form': form((key) => `api_key=%2573pk%255F${key.slice(4)}`),
  'the member twice': json((key) => `{"api_key":"${key}","a":1,"api_key":"Bearer ${key}"}`),
  'the member twice, once escaped': form(
    (key) => `api_key=${key}&api%5Fkey=%73pk_${key.slice(4)}&a`,
  ),
  base64: json((key) => `{"api_key":"Basic ${Buffer.from(`${key}:`).toString('base64')}"}`),
};

async function send({ proxy, clientId, appKey }: Scene, tried: Try) {
  const { type, body, tokenType = 'keyed' } = tried;
  const content = body(appKey);
  const lines = [
    `POST /forward/${clientId}/${tokenType}/v1 HTTP/1.1`,
    `Host: ${new URL(proxy).host}`,
    'Connection: close',
    `Content-Type: ${type}`,
    `Content-Length: ${content.length}`,
  ];
  return readAnswer(await exchangeBytes(proxy, `${lines.join('\r\n')}\r\n\r\n${content}`));
}

async function refuse(scene: Scene, tried: Try): Promise<Outcome> {
  const { requests } = scene.upstream;
  const before = requests.length;
  const answer = await send(scene, tried);
  const sent = requests.length - before;
  const held = answer.status >= 400 && answer.code !== '' && sent === 0;
  return { held, happened: `${describe(answer)}, ${sent === 0 ? 'nothing sent' : `${sent} sent`}` };
}

async function arrive(scene: Scene, tried: Try): Promise<Outcome> {
  const { requests } = scene.upstream;
  const before = requests.length;
  const answer = await send(scene, tried);
  const came = requests.slice(before);
  // The letters of a key are the same in all of these spellings but base64.
  const traces = [scene.appKey.slice(4), 'c3Br', 'pk_', 'u0073', '%73'];
  const isClean = came.every(({ head, body }) =>
    traces.every((trace) => !head.includes(trace) && !body.includes(trace)),
  );
  const held = answer.status === 200 && came.length === 1 && isClean;
  const left = came.map(({ body }) => body.toString()).join();
  return {
    held,
    happened: `${describe(answer)}, ${isClean ? `${left || 'nothing'} left` : 'key'}`,
  };
}

const attacksOf = (
  tries: Readonly<Record<string, Try>>,
  run: (scene: Scene, tried: Try) => Promise<Outcome>,
) =>
  Object.entries(tries).map(
    ([name, tried]): Attack => ({
      class: 'forward',
      name: `the key in a body: ${name}`,
      ownOnly: true,
      run: (scene) => run(scene, tried),
    }),
  );

export const bodyKeyAttacks: readonly Attack[] = [
  ...attacksOf(refusals, refuse),
  ...attacksOf(arrivals, arrive),
];

import { type KeyKind, keyIdOf, readKeyFolder } from '../../../operations/keys/key-folder.ts';
import { confirm } from '../../shell/confirmation.ts';
import type { Session } from '../../shell/session.ts';

/** Proxies of earlier versions do not tell what they pin. @throws OperationError confirmation_required, input_invalid */
export async function askForPins(
  session: Session,
  { kind, path }: { readonly kind: KeyKind; readonly path: string },
  name: string,
  yes: boolean | undefined,
): Promise<void> {
  if (kind !== 'rsa') return;
  const folder = await readKeyFolder(kind, path);
  const id = keyIdOf(folder, name);
  if (folder.primary === name) return;
  const consequences = [`a SecureProxy with PUBLIC_KEY_PINS that lacks ${id} fails all calls`];
  await confirm(session, { doing: `publish the RSA key ${name}`, consequences, yes });
}

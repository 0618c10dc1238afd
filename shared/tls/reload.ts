import type { Logger } from 'pino';
import { ReloadedFiles } from '../settings/reloaded-files.ts';
import {
  checkTlsMaterial,
  expiryOf,
  readTlsFiles,
  type TlsFiles,
  type TlsMaterial,
} from './files.ts';

/** Certificate, key and CA from files, reloaded when the files change. They are checked as a set. */
export class ReloadedTls extends ReloadedFiles<TlsMaterial> {
  /** @throws ConfigError if the files cannot be used */
  constructor(files: TlsFiles, log: Logger) {
    super(
      {
        read: () => readTlsFiles(files),
        check: (material) => checkTlsMaterial(material, files),
        isSame: (one, other) =>
          one.cert === other.cert && one.key === other.key && one.ca === other.ca,
        describe: (material) => ({ expires_at: expiryOf(material) }),
        messages: {
          loaded: 'TLS files changed: loaded',
          restored: 'TLS files are as before again',
          unusable: 'TLS files cannot be used: the ones loaded before stay',
        },
      },
      log,
    );
  }
}

import type { Policy } from '../../../../shared/policy/schema.ts';
import { inputInvalid } from '../../../operations/operation-error.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import { readInput } from '../../shell/input-file.ts';
import type { Session } from '../../shell/session.ts';
import type { ChangeOptions } from '../confirm-change.ts';
import { changeType } from './change.ts';
import { addInjectionOptions, defaultInjectionNote } from './injection-options.ts';
import { type PolicyOptions, policyFromOptions } from './policy-options.ts';
import {
  addPresetOptions,
  checkPresetOptions,
  type PresetOptions,
  policyOfPreset,
} from './preset-options.ts';

interface PutOptions extends PolicyOptions, PresetOptions, ChangeOptions {
  readonly file?: string;
  readonly force?: boolean;
}

export function addPut(type: AdminCommand, session: Session): void {
  const put = type
    .command('put')
    .summary('define or replace a type')
    .description(
      `Defines a token type, or replaces it completely. {field} in a template stands for a field of the secret.
${defaultInjectionNote}`,
    )
    .argument('<type>', 'its name')
    .option(
      '--destination <origin...>',
      'where tokens may go: https://host[:port][/prefix], or https://*.host',
    );
  put.option(
    '--plain-destination <origin...>',
    'where calls may go without the token, such as to links of reports',
  );
  addPresetOptions(put);
  addInjectionOptions(put)
    .option('--unsafe-plaintext', 'allow http: tokens cross the network in clear')
    .repeatable('--unsafe-allow-private <cidr>', 'allow destinations at these private addresses')
    .option(
      '--ca-file <path>',
      'PEM file of the CAs of its destinations: no other CA is trusted for them',
    )
    .option('--cache-seconds <n>', 'how long a proxy may keep a token, 0 to 300 (default 60)')
    .option('--no-scrub', "do not scrub the token's fields from responses")
    .repeatable('--public-field <field>', 'a field that is not secret: responses may contain it')
    .repeatable(
      '--redact-member <name>',
      'a member of JSON responses whose value is redacted, such as access_token',
    )
    .option('--probe <call>', "the call of token check, 'METHOD URL'")
    .repeatable(
      '--limit <rule>',
      "a limit of calls: '50/s', '300/min burst 20', '4 at once', with paths that it is of",
    )
    .repeatable(
      '--limit-status <status>',
      'a status by which the marketplace says that a limit is reached (default 420 and 429)',
    )
    .repeatable(
      '--limit-body <status:text>',
      'a text at the start of answers of that status which says the same, such as 200:ApiCallLimit',
    )
    .option(
      '--limit-max-seconds <n>',
      'the longest time for which such an answer stops calls, 1 to 86400 (default 300)',
    )
    .option(
      '--retry <n>',
      'send a GET, HEAD or OPTIONS again, so often at most, that is answered 429, 502, 503 or 504; 1 to 5',
    )
    .repeatable('--retry-method <method>', 'other methods that may be sent twice')
    .repeatable(
      '--routed-by-query <name>',
      'a query parameter that selects the operation, which grants with methods or paths allow nobody to send',
    )
    .repeatable('--routed-by-form <name>', 'the same of a member of a form')
    .option(
      '--routed-by-body',
      'bodies select the operation: only grants without methods and paths allow calls',
    )
    .repeatable(
      '--drop-query <name>',
      "a query parameter of callers that is not sent, such as an SDK's own sign or oauth_*",
    )
    .repeatable('--drop-header <name>', 'a header of callers that is not sent')
    .repeatable(
      '--token-endpoint <url>',
      'a URL at which SDKs get access tokens: the proxy answers there itself, with the app key',
    )
    .repeatable(
      '--key-member <name>',
      'a member of JSON or a form in which an SDK has the app key, such as auth.token',
    )
    .option(
      '--error-body <json>',
      `the proxy's own errors at /forward, for SDKs that read only the marketplace's: '{"message":"{detail}"}'`,
    )
    .option(
      '--file <path>',
      'take all of it from this file, as a type of docs/fleet.md; - for stdin',
    )
    .option('--force', 'replace a type that does not open')
    .option('--dry-run', 'show what it would change and take away, and change nothing')
    .option('--yes', 'do it without being asked, whatever it takes away')
    .examples(
      'keyserver-admin type put ozon --preset ozon-seller',
      "keyserver-admin type put wildberries --destination https://api.example.com --header 'Authorization: {token}'",
      "keyserver-admin type put ozon-seller --destination https://api-seller.example.com --header 'Client-Id: {clientId}' --header 'Api-Key: {apiKey}' --public-field clientId",
      "keyserver-admin type put maps --destination 'https://*.maps.example.com/v2' --query 'key={token}' --cache-seconds 10",
      "keyserver-admin type put wildberries --destination https://api.example.com --limit '300/min burst 20 errors 10' --limit '20/min /v1/supply/*'",
      "keyserver-admin type put shop --destination https://shop.example.com --basic '{key}:{secret}' --routed-by-query rest_route --routed-by-form rest_route",
      'keyserver-admin type put sandbox --destination https://sandbox.example.com --ca-file sandbox-ca.pem',
      'keyserver-admin type put wildberries --file wildberries.yaml --dry-run',
      "keyserver-admin type put erp --destination http://erp.example.com:8080 --basic '{user}:{password}' --unsafe-plaintext --unsafe-allow-private 10.1.0.0/16",
    )
    .action(async (id: string, options: PutOptions) => {
      const { file, preset, destination } = options;
      if (file === undefined && preset === undefined && destination === undefined) {
        // As commander says it, unless there is another way.
        put.error(
          "error: neither '--destination <origin...>', '--preset <name>' nor '--file <path>' specified",
        );
      }
      const policy = await readPolicy(session, options);
      await session.withContext((context) =>
        changeType(session, context, id, { ...options, next: () => policy }),
      );
    });
}

async function readPolicy(session: Session, options: PutOptions): Promise<Policy> {
  const { file, force, yes, dryRun, scrub, ...others } = options;
  const { preset } = options;
  if (file === undefined && preset !== undefined) {
    return policyOfPreset(session, preset, options);
  }
  checkPresetOptions(options);
  if (file === undefined) return policyFromOptions(options, session.io.folder);
  if (!scrub || Object.values(others).some((value) => value !== undefined)) {
    throw inputInvalid(
      '--file takes all of the type from the file',
      'leave the options of the type away, or write them into the file',
    );
  }
  const { readType } = await import('../../../operations/fleet/desired.ts');
  return readType(file === '-' ? 'stdin' : file, await readInput(session, file));
}

import { pollUntil } from './poll-until.ts';
import type { ServiceProcess } from './service-process.ts';

const probesAt = 'Probes answered at ';

/** The origin at which a service with `OPS_PORT` answers probes, as its log says. */
export async function opsOrigin(service: ServiceProcess): Promise<string> {
  const said = await pollUntil(
    'where probes are answered',
    () => service.lines().find(({ msg }) => String(msg).startsWith(probesAt)),
    (line) => line !== undefined,
  );
  return String(said?.msg).slice(probesAt.length);
}

/** The status that `/readyz` has there now. */
export async function readiness(origin: string): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${origin}/readyz`, { headers: { connection: 'close' } });
  return { status: answer.status, body: await answer.json() };
}

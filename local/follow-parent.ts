/**
 * Loaded before a service's own code (`node --import`). The channel to the parent closes however the parent
 * ends, even by SIGKILL; this process then shuts down as after SIGTERM. Workers inherit the option, but end
 * with their primary process anyway.
 */
import cluster from 'node:cluster';

if (cluster.isPrimary) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}

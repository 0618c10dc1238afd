/**
 * Loaded before a service's own code (`node --import`): the channel to the parent closes however the
 * parent ends, SIGKILL included, and then this process stops as it would by SIGTERM. Its workers, which
 * inherit the option, follow it by themselves.
 */
import cluster from 'node:cluster';

if (cluster.isPrimary) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}

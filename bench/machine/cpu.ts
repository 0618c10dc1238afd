import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** User and system time of a process with all its threads, in seconds (proc_pid_stat(5)). */
export function createCpuReader(): (pid: number) => number {
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return (pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [userTicks, systemTicks] = [fields[11], fields[12]];
    return (Number(userTicks) + Number(systemTicks)) / ticksPerSecond;
  };
}

import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';
import { openShell, type ShellSession } from './shell-session.ts';
import { root } from './sources.ts';
import { toolInProcess } from './tool-in-process.ts';

/** A folder in place of an operator's machine, and a shell on it. */
export interface OperatorMachine extends ShellSession {
  /** The real location of an absolute path of the machine. */
  path(absolute: string): string;
  /** A page's commands with the paths and names of this machine. */
  translate(text: string): string;
}

const folders = ['/etc/systemd/system', '/usr/local/sbin', '/home', '/opt', '/run'];
const roots =
  /(?<![\w.])\/(?:etc\/(?:systemd|keyserver|secureproxy|%i)|usr\/local\/sbin|srv\/pair-ca|var\/backups|opt)(?!\w)/g;

/**
 * Shell functions in place of users, systemd and long pauses. They read from a unit file only the keys that the page
 * uses. Processes end with the test.
 */
const standIns = `
sleep() { command sleep 0.2; }
useradd() { :; }
chown() { :; }
npm() { test "$*" = 'ci --omit=dev'; }
install() {
  set -- $(printf '%s\\n' "$*" | sed 's/-o [a-z]* //')
  command install "$@"
}
unit_value() { sed -n "s/^$2=//p" "$MACHINE/etc/systemd/system/pair@.service" | sed "s/%i/$1/g"; }
systemctl() {
  case $1 in
    daemon-reload) ;;
    enable) test "$2" = --now; begin_unit "\${3#pair@}" ;;
    restart) shift; for unit; do end_unit "\${unit#pair@}"; begin_unit "\${unit#pair@}"; done ;;
    stop)
      if test "$2" = --no-block; then tell_unit "\${3#pair@}"
      else end_unit "\${2#pair@}"; fi ;;
    *) return 1 ;;
  esac
}
begin_unit() {
  (
    cd "$(unit_value "$1" WorkingDirectory)"
    exec env -i $(cat "$(unit_value "$1" EnvironmentFile)") $(unit_value "$1" ExecStart)
  ) >>"$MACHINE/run/$1.log" 2>>"$MACHINE/run/$1.err" &
  echo $! >"$MACHINE/run/$1"
}
tell_unit() {
  told=$(grep -c '"msg":"stopping"' "$MACHINE/run/$1.log" || true)
  kill "$(cat "$MACHINE/run/$1")"
  until test "$(grep -c '"msg":"stopping"' "$MACHINE/run/$1.log")" -gt "$told"; do sleep 1; done
}
end_unit() {
  kill "$(cat "$MACHINE/run/$1")"
  wait "$(cat "$MACHINE/run/$1")"
}
journalctl() {
  test "$1" = -u && test "$3 $4" = '-o cat'
  cat "$MACHINE/run/\${2#pair@}.log"
}
kill_units() {
  for file in "$MACHINE"/run/*; do
    case $file in *.log | *.err) ;; *) kill -9 "$(cat "$file")" 2>/dev/null ;; esac
  done
}
trap kill_units EXIT
`;

/** The project's folder, with a `node` that leaves `keyserver-admin` to the test's process. */
async function projectWithTool(test: Test, project: string): Promise<void> {
  const bin = 'node_modules/.bin';
  mkdirSync(join(project, bin), { recursive: true });
  for (const name of readdirSync(root)) {
    if (!bin.startsWith(name)) symlinkSync(join(root, name), join(project, name));
  }
  const node = `#!/bin/bash
case $1 in */keyserver/admin/launcher.cjs) ;; *) exec '${process.execPath}' "$@" ;; esac
shift
${await toolInProcess(test)}
keyserver-admin "$@"
`;
  writeFileSync(join(project, bin, 'node'), node, { mode: 0o755 });
}

export interface MachineOptions {
  /** Further texts of the pages, with their replacements. */
  readonly names: readonly (readonly [page: string, here: string])[];
  /** Starts the operator's tool for each command; otherwise it runs in the test's process. */
  readonly startsTool: boolean;
}

/** Creates the machine. */
export async function operatorMachine(
  test: Test,
  { names, startsTool }: MachineOptions,
): Promise<OperatorMachine> {
  const machine = test.testdir({ scratch: {} });
  for (const folder of folders) mkdirSync(join(machine, folder), { recursive: true });
  const project = join(machine, 'opt/secureproxy-keyserver');
  if (startsTool) symlinkSync(root, project);
  else await projectWithTool(test, project);
  const scratch = join(machine, 'scratch');
  const { PATH, HOME, LANG } = process.env;
  const path = [join(machine, 'usr/local/sbin'), join(root, 'node_modules/.bin'), PATH].join(
    delimiter,
  );
  const environment = { PATH: path, HOME, LANG, MACHINE: machine, NODE_ENV: 'production' };
  const shell = openShell(test, { scratch, folder: machine, environment });
  writeFileSync(join(scratch, 'stand-ins.sh'), standIns);
  await shell.run(`. ${join(scratch, 'stand-ins.sh')}`);
  return {
    run: shell.run,
    path: (absolute) => join(machine, absolute),
    translate: (text) =>
      names
        .reduce((translated, [page, here]) => translated.replaceAll(page, here), text)
        .replace(roots, (found) => machine + found),
  };
}

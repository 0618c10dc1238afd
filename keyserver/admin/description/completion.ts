import { allCommands, type CommandNode, type OptionNode } from './tree.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/** Makes the script that completes the program's words. It knows commands, options and files, and starts nothing. */
export function completionScript(shell: Shell, program: CommandNode): string {
  return { bash, zsh, fish }[shell](program);
}

/** Options that stand after any command as well. */
function globalOptions(program: CommandNode): OptionNode[] {
  return program.options.filter(
    ({ names }) => !names.some((name) => /^--(help|version)$/.test(name)),
  );
}

function optionsOf(node: CommandNode, program: CommandNode): OptionNode[] {
  return node === program ? [...node.options] : [...node.options, ...globalOptions(program)];
}

/** The arms of a `case` on the commands before the cursor: only words of commands extend them. */
function pathArms(program: CommandNode): string {
  const commands = allCommands(program).filter(({ path }) => path.length > 0);
  return commands.map((node) => `'${keyOf(node)}'`).join(' | ');
}

function keyOf({ path }: CommandNode): string {
  return path.map((word) => ` ${word}`).join('');
}

/** Arms of a `case` on the commands and the word before the cursor, if that is an option with a value. */
function valueArms(program: CommandNode, act: (value: OptionNode['value']) => string): string {
  return allCommands(program)
    .flatMap((node) =>
      optionsOf(node, program).flatMap(({ names, value }) =>
        value === 'none'
          ? []
          : [
              `    ${names.map((name) => `'${keyOf(node)} ${name}'`).join(' | ')}) ${act(value)} ;;`,
            ],
      ),
    )
    .join('\n');
}

function takesFile(node: CommandNode): boolean {
  return node.arguments.some(({ name }) => name === 'file');
}

function bash(program: CommandNode): string {
  const words = allCommands(program).map((node) => {
    const all = [
      ...node.commands.map(({ path }) => path.at(-1)),
      ...node.arguments.flatMap(({ choices }) => choices),
      ...optionsOf(node, program).map(({ names }) => names.at(-1)),
    ];
    const files = takesFile(node) ? " kind='file'" : '';
    return `    '${keyOf(node)}') words='${all.join(' ')}'${files} ;;`;
  });
  const values = valueArms(program, (value) =>
    typeof value === 'string' ? `words='' kind='${value}'` : `words='${value.join(' ')}' kind=''`,
  );
  return `# Completion of keyserver-admin for bash: source <(keyserver-admin completion bash)
_keyserver_admin() {
  local word="\${COMP_WORDS[COMP_CWORD]}" at='' words='' kind='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
    ${pathArms(program)}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at" in
${words.join('\n')}
  esac
  case "$at \${COMP_WORDS[COMP_CWORD - 1]}" in
${values}
  esac
  case "$kind" in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
  esac
  [[ $kind == file && $word != -* ]] || mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _keyserver_admin keyserver-admin
`;
}

/** As a file of fpath, the script is itself the function that is called first. */
function zsh(program: CommandNode): string {
  const described = (word: string | undefined, text: string) =>
    quoted(`${word?.replaceAll(':', '\\:')}:${firstLine(text)}`);
  const words = allCommands(program).map((node) => {
    const commands = node.commands.map(({ path, summary }) => described(path.at(-1), summary));
    const choices = node.arguments.flatMap((one) =>
      one.choices.map((word) => described(word, one.text)),
    );
    const options = optionsOf(node, program).map(({ names, text }) =>
      described(names.at(-1), text),
    );
    const files = takesFile(node) ? ' kind=file' : '';
    return `    '${keyOf(node)}') commands=(${[...commands, ...choices].join(' ')}) options=(${options.join(' ')})${files} ;;`;
  });
  const values = valueArms(program, (value) =>
    typeof value === 'string'
      ? { file: '_files', folder: '_files -/', other: '_message value', none: '' }[value].concat(
          '; return',
        )
      : `compadd ${value.join(' ')}; return`,
  );
  return `#compdef keyserver-admin
# Completion of keyserver-admin for zsh: source <(keyserver-admin completion zsh)
_keyserver_admin() {
  local at='' kind='' one
  local -a commands options
  for one in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $one" in
    ${pathArms(program)}) at="$at $one" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${values}
  esac
  case "$at" in
${words.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option options
  elif [[ $kind == file ]]; then
    _files
  else
    _describe command commands
  fi
}
if [[ $funcstack[1] == _keyserver-admin ]]; then
  _keyserver_admin "$@"
else
  compdef _keyserver_admin keyserver-admin
fi
`;
}

function fish(program: CommandNode): string {
  const lines = allCommands(program).flatMap((node) => {
    const condition = `-n "__keyserver_admin_at '${keyOf(node)}'"`;
    const commands = node.commands.map(
      ({ path, summary }) => `${condition} -a ${path.at(-1)} -d ${quoted(firstLine(summary))}`,
    );
    const choices = node.arguments.flatMap((one) =>
      one.choices.map((word) => `${condition} -a ${word} -d ${quoted(one.text)}`),
    );
    const options = optionsOf(node, program).map(
      ({ names, text, value }) =>
        `${condition} ${names.map(fishName).join(' ')}${fishValue(value)} -d ${quoted(firstLine(text))}`,
    );
    return [...commands, ...choices, ...options, ...(takesFile(node) ? [`${condition} -F`] : [])];
  });
  return `# Completion of keyserver-admin for fish: keyserver-admin completion fish | source
function __keyserver_admin_at
    set -l at ''
    for one in (commandline -opc)[2..]
        switch "$at $one"
            case ${pathArms(program).replaceAll(' | ', ' ')}
                set at "$at $one"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c keyserver-admin -f
${lines.map((line) => `complete -c keyserver-admin ${line}`).join('\n')}
`;
}

function fishName(name: string): string {
  return name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`;
}

function fishValue(value: OptionNode['value']): string {
  if (typeof value !== 'string') return ` -x -a ${quoted(value.join(' '))}`;
  return {
    none: '',
    file: ' -r -F',
    folder: " -x -a '(__fish_complete_directories)'",
    other: ' -x',
  }[value];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** One word, for zsh and fish alike if it has no backslash before a quote. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

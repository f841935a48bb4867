# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion for bash: netlab's options, scripts, and behind a script its own
# options. These are read in the script's text; it is not run. Where nothing
# fits, bash completes the names of files.

# The options that a script gives to argparse: parser:option("-p --port") ...
# (and no other words: bash would expand them).
_netlab_script_options() {
  echo --help
  grep -oE ':(option|flag) ?\(?"[A-Za-z0-9_ -]+"' -- "$1" | cut -d '"' -f 2
}

_netlab() {
  local word=${COMP_WORDS[COMP_CWORD]} choices='' i=1
  COMPREPLY=()
  while ((i < COMP_CWORD)); do # i: where the script is, or would be
    case ${COMP_WORDS[i]} in
      --) ((i++)) && break ;;
      -e) ((i += 2)) ;;
      -l) # bash makes three words of g=mod
        ((i += 2))
        [[ ${COMP_WORDS[i]} != '=' ]] || ((i += 2)) ;;
      -?*) ((i++)) ;;
      *) break ;;
    esac
  done
  if [[ $i -lt $COMP_CWORD && $word == -* && -f ${COMP_WORDS[i]} ]]; then
    choices=$(_netlab_script_options "${COMP_WORDS[i]}")
  elif [[ $i -eq $COMP_CWORD && $word == -* ]]; then
    choices='--help --version --list --trace -i -e -l -v -E -W -- -'
  elif [[ $i -eq $COMP_CWORD ]]; then
    mapfile -t COMPREPLY < <(compgen -f -X '!*.lua' -- "$word"
      compgen -d -- "$word")
    compopt -o filenames 2>/dev/null
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -o default -F _netlab netlab

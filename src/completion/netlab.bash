# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion for bash: completes netlab's options and those of the lab you name.
# The options of a lab are read from its text; it is not run. If nothing fits,
# bash completes file names.

# Prints the options that a script declares: parser:option("-p --port") ...
# (The pattern admits no word that bash would expand.)
_netlab_script_options() {
  echo --help
  grep -oE ':(option|flag) ?\(?"[A-Za-z0-9_ -]+"' -- "$1" | cut -d '"' -f 2
}

_netlab_scripts() { # offers scripts and folders for an unfinished word
  mapfile -t COMPREPLY < <(compgen -f -X '!*.lua' -- "$1"
    compgen -d -- "$1")
  compopt -o filenames 2>/dev/null
}

# After --pair: offers two scripts, then the client's options after `--`.
_netlab_pair() { # $1: the position of the first script
  local word=${COMP_WORDS[COMP_CWORD]} choices='' i=$1
  while ((i < COMP_CWORD)) && [[ ${COMP_WORDS[i]} != -- ]]; do ((i++)); done
  if [[ $i -lt $COMP_CWORD && $word == -* && -f ${COMP_WORDS[$1 + 1]} ]]; then
    choices=$(_netlab_script_options "${COMP_WORDS[$1 + 1]}")
  elif [[ $i -eq $COMP_CWORD && $word == -* ]]; then
    choices='--trace --'
  elif [[ $COMP_CWORD -lt $(($1 + 2)) ]]; then
    _netlab_scripts "$word"
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

_netlab() {
  local word=${COMP_WORDS[COMP_CWORD]} choices='' i=1
  COMPREPLY=()
  while ((i < COMP_CWORD)); do # find i, the position of the script
    case ${COMP_WORDS[i]} in
      --) ((i++)) && break ;;
      --pair)
        _netlab_pair $((i + 1))
        return ;;
      -e) ((i += 2)) ;;
      -l) # bash splits g=mod into three words
        ((i += 2))
        [[ ${COMP_WORDS[i]} != '=' ]] || ((i += 2)) ;;
      -?*) ((i++)) ;;
      *) break ;;
    esac
  done
  if [[ $i -lt $COMP_CWORD && $word == -* && -f ${COMP_WORDS[i]} ]]; then
    choices=$(_netlab_script_options "${COMP_WORDS[i]}")
  elif [[ $i -eq $COMP_CWORD && $word == -* ]]; then
    choices='--help --version --list --trace --pair --merge -i -e -l -v -E -W -- -'
  elif [[ $i -eq $COMP_CWORD ]]; then
    _netlab_scripts "$word"
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -o default -F _netlab netlab

# bash completion for pyrelease. In ~/.bashrc: source <(pyrelease completions bash)
_pyrelease() {
    local candidate
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        COMPREPLY+=("$candidate")
    done < <("${1/#\~/$HOME}" complete "--word=$2" -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
}
# Without candidates, bash completes files.
complete -o default -F _pyrelease pyrelease

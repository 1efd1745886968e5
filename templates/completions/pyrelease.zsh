#compdef pyrelease
# zsh completion for pyrelease. In ~/.zshrc, after compinit: source <(pyrelease completions zsh)
_pyrelease() {
    local -a found candidates
    local line
    found=("${(@f)$(${~words[1]} complete "--word=${(Q)words[CURRENT]}" -- "${(@Q)words[2,CURRENT-1]}" 2>/dev/null)}")
    for line in $found; do
        candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#candidates )); then
        _describe 'pyrelease' candidates
    else
        _files
    fi
}
# Autoloaded from a folder of $fpath, or sourced
if [[ $funcstack[1] == _pyrelease ]]; then
    _pyrelease "$@"
else
    compdef _pyrelease pyrelease
fi

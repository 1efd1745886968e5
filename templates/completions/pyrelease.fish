# fish completion for pyrelease: pyrelease completions fish > ~/.config/fish/completions/pyrelease.fish
function __pyrelease_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($words[1] complete "--word=$current" -- $words[2..-1] 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c pyrelease -f -a '(__pyrelease_complete)'

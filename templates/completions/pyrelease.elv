# elvish completion for pyrelease. In rc.elv: eval (pyrelease completions elvish | slurp)
use str

set edit:completion:arg-completer[pyrelease] = {|@words|
    var found = [(try { e:pyrelease complete --word=$words[-1] -- (all $words[1..-1]) 2>/dev/null | from-lines } catch { nop })]
    if (eq $found []) {
        edit:complete-filename $@words
    } else {
        for line $found {
            var parts = [(str:split "\t" $line)]
            edit:complex-candidate $parts[0] &display=$parts[0]"  "$parts[1]
        }
    }
}

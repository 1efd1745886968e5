#!/bin/sh
# Replaces a plugin in a drill. It has the classes of effects and the reach that the plugin declared; each effect creates a
# file next to MARK. An effect that is done twice creates a `.twice` file.
#
#     stand-in --effects=EFFECTS --reach=REACH MARK
effects=${1#*=} reach=${2#*=} mark=$3

read -r hello
echo '{"type":"hello","protocol":"1.0","built_with":"sh"}'
read -r call

result() {
    printf '{"type":"result","ok":true,"value":%s}\n' "$1"
}

# Whether the call contains an effect. Inside a JSON text the quotes would be escaped.
names() {
    case $call in *'"key":"'"$1"'"'*) return 0 ;; *) return 1 ;; esac
}

# Does an effect, unless it is already done.
act() {
    names "$1" && return
    printf '{"type":"effect","key":"%s","class":"%s","summary":"an effect that is %s","undo":null}\n' "$1" "$2" "$2"
    read -r answer
    case $answer in
    *'"ok":true'*) ;;
    *)
        echo '{"type":"result","ok":false,"error":{"message":"pyrelease refused the effect"}}'
        exit
        ;;
    esac
    [ ! -e "$mark.$1" ] || : >"$mark.$1.twice"
    : >"$mark.$1"
    printf '{"type":"effect_done","key":"%s"}\n' "$1"
}

case $call in
*'"method":"describe"'*)
    methods='["describe","preflight","run","undo","verify"]'
    result '{"name":"stand-in","version":"1.0.0","protocol":"^1.0","summary":"stands in for a plugin","methods":'"$methods"',"effects":"'"$effects"'","reach":"'"$reach"'"}'
    ;;
*'"method":"preflight"'*)
    result '{}'
    ;;
*'"method":"run"'*)
    # Reversible effects come before irreversible ones.
    [ "$effects" = none ] || act first reversible
    [ "$effects" != irreversible ] || act last irreversible
    result '{}'
    ;;
*'"method":"undo"'*)
    undone=
    for key in first last; do
        names "$key" || continue
        rm -f "$mark.$key"
        undone=$undone${undone:+,}'"'$key'"'
    done
    result '{"undone":['"$undone"'],"kept":[]}'
    ;;
*'"method":"verify"'*)
    states=
    for key in first last; do
        names "$key" || continue
        state=absent
        [ ! -e "$mark.$key" ] || state=present
        states=$states${states:+,}'{"key":"'$key'","state":"'$state'"}'
    done
    result '{"effects":['"$states"']}'
    ;;
esac
read -r bye

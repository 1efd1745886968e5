#!/bin/sh
# Stands in for a plugin in a drill: it has effects of the classes that the plugin declared and with the same reach, each a
# file beside MARK. One that is done twice leaves a file that says so.
#
#     stand-in --effects=EFFECTS --reach=REACH MARK
effects=${1#*=} reach=${2#*=} mark=$3

read -r hello
echo '{"type":"hello","protocol":"1.0","built_with":"sh"}'
read -r call

result() {
    printf '{"type":"result","ok":true,"value":%s}\n' "$1"
}

# Whether the call names an effect. Inside a text the quotation marks would be escaped.
names() {
    case $call in *'"key":"'"$1"'"'*) return 0 ;; *) return 1 ;; esac
}

# Has an effect, unless it stands already.
act() {
    names "$1" && return
    printf '{"type":"effect","key":"%s","class":"%s","summary":"an effect that is %s","undo":null}\n' "$1" "$2" "$2"
    read -r answer
    case $answer in
    *'"ok":true'*) ;;
    *)
        echo '{"type":"result","ok":false,"error":{"message":"it may not"}}'
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
    # What can be undone comes before what cannot.
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

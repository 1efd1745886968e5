#!/bin/sh
# A stage that writes the version into the file `config.file`. It does as its configuration says: it dies at the point
# `config.die`, waits there for ever at `config.wait`, and until it is asked to stop at `config.polite`; it declares `config.class`; its `undo` dies where `config.file` has a neighbour
# named `.stuck`, and `undo` and `verify` wait, or answer something else, where it has one named so.
[ -z "$CANARY" ] || : > "$CANARY"
read -r hello
echo '{"type":"hello","protocol":"1.0"}'
read -r call
field() { printf '%s' "$call" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
file=$(field file)
class=$(field class)
class=${class:-reversible}
at() {
    [ "$(field die)" != "$1" ] || kill -9 $$
    if [ "$(field wait)" = "$1" ]; then
        : > "$file.waits"
        exec sleep 7303
    fi
    if [ "$(field polite)" = "$1" ]; then
        { read -r typed < /dev/tty; } 2> /dev/null && echo "there is a terminal" >&2
        read -r cancel
        echo '{"type":"log","message":"heard of '"$(printf '%s' "$cancel" | sed -n 's/.*"reason":"\([^"]*\)".*/\1/p')"'"}'
        echo '{"type":"result","ok":false,"error":{"code":"cancelled","message":"stopped as asked"}}'
        exit
    fi
}
# Waits until it is asked to stop, or for ever, or answers something else, where there is a neighbour that says so.
wait_on() {
    if [ -e "$file.$1-waits" ]; then
        read -r cancel
        echo '{"type":"result","ok":false,"error":{"code":"cancelled","message":"stopped as asked"}}'
        exit
    fi
    [ ! -e "$file.$1-hangs" ] || exec sleep 7303
    if [ -e "$file.$1-says" ]; then
        echo '{"type":"result","ok":true,"value":'"$(cat "$file.$1-says")"'}'
        exit
    fi
}
case "$call" in
*'"method":"describe"'*)
    # What it declares is in its name, which it has no other way to know before it is configured.
    case "$0" in *pub*) class=irreversible ;; *trial*) class='irreversible","reach":"rehearsal' ;; *news*) class='irreversible","reach":"follow-up' ;; esac
    echo '{"type":"result","ok":true,"value":{"name":"mark","version":"1.0.0","protocol":"^1.0","summary":"leaves a mark","methods":["describe","preflight","run","undo","verify"],"effects":"'"$class"'","requires":{"secrets":[{"name":"MARK_TOKEN","purpose":"to sign","optional":true}]},"config_schema":{"type":"object","additionalProperties":false,"required":["file"],"properties":{"file":{"type":"string"},"die":{"type":"string"},"wait":{"type":"string"},"polite":{"type":"string"},"class":{"type":"string"},"fail":{"type":"string"}}}}}'
    ;;
*'"method":"preflight"'*)
    echo '{"type":"result","ok":true,"value":{"plan":[{"key":"mark","class":"reversible","summary":"leave a mark"}]}}'
    ;;
*'"method":"run"'*)
    case "$call" in *'"effects":[{'*) echo '{"type":"result","ok":true,"value":{}}'; exit ;; esac
    at announce
    echo '{"type":"effect","key":"mark","class":"'"$class"'","summary":"a mark in a file","undo":{"why":"for undo"}}'
    at told
    read -r ack
    case "$ack" in *'"ok":true'*) ;; *) echo "$ack" >&2; echo '{"type":"result","ok":false,"error":{"message":"refused"}}'; exit ;; esac
    at acknowledged
    : > "$file"
    at acting
    echo "$(field version)" >> "$file"
    echo "$(field MARK_TOKEN)" | sha256sum >> "$file"
    at acted
    echo '{"type":"effect_done","key":"mark"}'
    at done
    if [ -n "$(field fail)" ]; then
        echo "the token is $(field MARK_TOKEN)" >&2
        echo '{"type":"result","ok":false,"error":{"message":"'"$(field fail), token $(field MARK_TOKEN)"'","hint":"ask otherwise"}}'
        exit
    fi
    echo '{"type":"result","ok":true,"value":{"outputs":{"links":["https://marks.example/1"]}}}'
    at result
    ;;
*'"method":"undo"'*)
    [ ! -e "$file.stuck" ] || kill -9 $$
    wait_on undo
    echo undo >> "$file.undone"
    rm -f "$file"
    echo '{"type":"result","ok":true,"value":{"undone":["mark"],"kept":[]}}'
    ;;
*'"method":"verify"'*)
    wait_on verify
    state=absent
    [ ! -e "$file" ] || state=present
    [ ! -e "$file.unknown" ] || state=unknown
    echo '{"type":"result","ok":true,"value":{"effects":[{"key":"mark","state":"'$state'"}]}}'
    ;;
esac
read -r bye

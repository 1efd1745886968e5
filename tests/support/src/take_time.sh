cat >/dev/null
echo push >>pushes
[ "$(wc -l <pushes)" -eq "$NUMBER" ] || exit 0
touch "$RECEIVED"
sleep "$SECONDS"

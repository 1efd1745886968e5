set -e
# A hook or a stage may be told where its own repository is; this is another one.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
rm -rf "$CLONE"
git clone --quiet "$REMOTE" "$CLONE"
cd "$CLONE"
echo 'mine was first' > rival.txt
git add rival.txt
git -c user.name='Robin Rival' -c user.email=robin@example.org commit --quiet --message 'Be first'
git push --quiet origin main

set -e
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
cd "$FOLDER"
git clone --quiet remote.git rival
cd rival
eval "$CHANGE"
git add --all
git -c user.name=Robin -c user.email=robin@example.org commit --quiet --message 'Be first'
git push --quiet origin main

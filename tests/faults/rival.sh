unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
export GIT_DIR="$REMOTE" GIT_AUTHOR_NAME="$NAME" GIT_AUTHOR_EMAIL=robin@example.org
commit=$(git commit-tree 'main^{tree}' -p main -m 'Be first') && git update-ref refs/heads/main "$commit"

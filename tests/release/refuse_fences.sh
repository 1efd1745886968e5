while read -r old new ref; do
    case $ref in
    refs/heads/* | refs/tags/*) ;;
    *)
        echo "no $ref" >&2
        exit 1
        ;;
    esac
done

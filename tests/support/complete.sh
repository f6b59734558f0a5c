# What bash would offer for each command line given, one line of words each. Needs bash-completion.
. /usr/share/bash-completion/bash_completion
. config/completion/isosocks.bash
PATH=$(cd "${BUILD:-build/release}" && pwd):$PATH
for line in "$@"; do
	COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
	read -ra COMP_WORDS <<<"$line"
	[[ $line == *' ' ]] && COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	complete=$(complete -p "${COMP_WORDS[0]}" | sed 's/.*-F \([^ ]*\).*/\1/')
	"$complete" 2>/dev/null # compopt complains that nobody is completing
	printf '%s\n' "$(printf '%s\n' "${COMPREPLY[@]}" | sed 's/ *$//' | sort -u | tr '\n' ' ')"
done

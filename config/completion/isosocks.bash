# bash completion of isosocks, isosocksctl and isosocks-proxy. Options come from their --help, so that none is missing here;
# behind the program's name everything is completed as if isosocks were not there.

# The options that take a value, as a pattern for case: those that --help shows with one.
_isosocks_valued() {
	"$1" --help 2>/dev/null | sed -nE 's/^ *(-[A-Za-z0-9]), (--[a-z-]+) [A-Z].*/\1\n\2/p; s/^ *(--[a-z-]+) [A-Z].*/\1/p'
}

_isosocks_options() {
	COMPREPLY=($(compgen -W "$("$1" --help 2>/dev/null | grep -oE '(^|[ ,])--?[A-Za-z0-9][a-z0-9-]*' | tr -d ' ,')" -- "$cur"))
}

_isosocks_value() {
	case $1 in
	-b | --by)
		local done=
		[[ $cur == *[,\;]* ]] && done=${cur%[,;]*},
		COMPREPLY=($(compgen -P "$done" -W 'user application session process destination none' -- "${cur##*[,;]}"))
		compopt -o nospace
		;;
	-x | --proxy) COMPREPLY=($(compgen -W 'socks5://127.0.0.1:9050 socks5://127.0.0.1:9150' -- "$cur")) ;;
	-k | --key)
		COMPREPLY=($(compgen -W 'ISOLATION=' -- "$cur"))
		compopt -o nospace
		;;
	-c | --config | --log | --pass-file | --log-json) compopt -o default ;;
	*) ;;
	esac
}

_isosocks() {
	local cur prev words cword i valued
	_init_completion -n = || return
	valued=" $(_isosocks_valued "${words[0]}" | tr '\n' ' ') "
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--) ((i++)); break ;;
		-*) [[ $valued == *" ${words[i]} "* ]] && ((i++)) ;;
		*) break ;;
		esac
	done
	if ((i > cword)); then
		_isosocks_value "$prev"
	elif ((i < cword)) || [[ $cur != -* ]]; then
		_command_offset "$i"
	else
		_isosocks_options "${words[0]}"
	fi
} && complete -F _isosocks isosocks

_isosocksctl() {
	local cur prev words cword
	_init_completion || return
	if [[ $cur == -* ]]; then
		_isosocks_options "${words[0]}"
	elif ((cword == 1)); then
		COMPREPLY=($(compgen -W "$("${words[0]}" --help 2>/dev/null | sed -nE 's/^  ([a-z]+) .*/\1/p')" -- "$cur"))
	elif [[ ${words[1]} == system ]]; then
		COMPREPLY=($(compgen -W 'enable disable status' -- "$cur"))
	elif [[ ${words[1]} == doctor ]]; then
		COMPREPLY=($(compgen -c -- "$cur"))
	else
		compopt -o default
	fi
} && complete -F _isosocksctl isosocksctl

_isosocks_proxy() {
	local cur prev words cword
	_init_completion || return
	case $prev in
	--log-json) compopt -o default ;;
	--methods) COMPREPLY=($(compgen -W 'extended password none' -- "$cur")) ;;
	--fault) COMPREPLY=($(compgen -W "$("${words[0]}" --fault help 2>/dev/null | sed -nE 's/^ *([a-z-]+).*/\1/p')" -- "$cur")) ;;
	*) _isosocks_options "${words[0]}" ;;
	esac
} && complete -F _isosocks_proxy isosocks-proxy

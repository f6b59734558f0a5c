#compdef isosocks isosocksctl isosocks-proxy
# zsh completion of isosocks, isosocksctl and isosocks-proxy. Behind the program's name everything is completed as if
# isosocks were not there.

_isosocks_by() {
	_values -s , 'part of the key' user application session process destination none
}

_isosocks() {
	_arguments -s -S -A '-*' \
		'(-x --proxy)'{-x,--proxy}'[the proxy]:URL:(socks5\://127.0.0.1\:9050 socks5\://127.0.0.1\:9150)' \
		'(-a --address)'{-a,--address}'[address of the proxy]:address' \
		'(-P --port)'{-P,--port}'[port of the proxy]:port' \
		'(-u --user)'{-u,--user}'[user name for the proxy]:user name' \
		'(-p --pass)'{-p,--pass}'[password for the proxy]:password' \
		'--pass-file[file with the password]:file:_files' \
		'(-i --isolate)'{-i,--isolate}'[isolate this run from every other]' \
		'*'{-k,--key}'[send this key]:NAME=VALUE' \
		'(-b --by)'{-b,--by}'[what the key ISOLATION is made of]:list:_isosocks_by' \
		'(-c --config)'{-c,--config}'[read settings from a file]:file:_files' \
		'(-6 --ipv6)'{-6,--ipv6}'[names have IPv6 addresses too]' \
		'(-q --quiet)'{-q,--quiet}'[write no log]' \
		'(-d --debug)'{-d,--debug}'[log every detail]' \
		'--log[append the log to a file]:file:_files' \
		'--log-format[how the log is written]:format:(text json)' \
		'--no-guard[do without the guard]' \
		'--require-guard[run nothing without the guard]' \
		'--explain[print the effective policy and run nothing]' \
		'--shell[run a shell]' \
		'(- *)--version[print the version]' \
		'(- *)'{-h,--help}'[print a summary]' \
		'(-):program: _command_names -e' \
		'*::arguments: _normal'
}

_isosocksctl_commands() {
	local -a commands
	commands=(${(f)"$(_call_program commands $words[1] --help 2>/dev/null | sed -nE 's/^  ([a-z]+) [^ ]*  *(.*)/\1:\2/p')"})
	_describe command commands
}

_isosocksctl() {
	_arguments '--json[for programs to read]' '1:command:_isosocksctl_commands' '*:argument:_default'
}

case $service in
isosocks) _isosocks "$@" ;;
isosocksctl) _isosocksctl "$@" ;;
isosocks-proxy) _arguments -- ;;
esac

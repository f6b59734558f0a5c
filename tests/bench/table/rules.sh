#: title A policy of many rules
#: unit us
#: command rules 1000 101
#: text What the library's own code takes for so many rules, called by itself: decode is the text of ISOSOCKS_POLICY to bytes and load its
#: text validation, once in each process; decide the verdict over an address that no rule names, name that over a placeholder, half
#: text of the rules being suffixes, once in each connect.
#: columns
. "$here/peers.sh"
pin='taskset -c 0'
for round in 1 2 3 4 5; do
	for count in 1 10 100 1000; do
		$pin "$bench/rules" $count 101 | awk -v line="$count rules" -v OFS='\t' '{ print line, $1, $2 }'
	done
done

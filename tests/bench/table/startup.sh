#: title Start-up
#: unit us
#: command startup 400 /bin/true
#: text From spawn to end of /bin/true, all in turn. Everything runs on one processor: otherwise it is where the scheduler
#: text puts each new process that is measured. In a virtual machine about 220 us of the command's own start are libc's, which asks
#: text CPUID for the sizes of caches, and each such question leaves the guest. Two rows are the library alone in
#: text LD_PRELOAD, as under /etc/ld.so.preload: with the policy that the command gives, and without. In bold the difference of the
#: text lower quartiles, which the noise of a machine touches least. env(1) is what any command in front costs.
#: added none
#: low
#: plot bars to end added: us added to /bin/true
#: goal isosocks | to end | added | 650 | start-up of the command, us added
#: goal library, policy | to end | added | 100 | start-up with the library alone, us added
. "$here/peers.sh"
pin='taskset -c 0'
start_proxies 0
policy=$($(words isosocks) env | grep '^ISOSOCKS_POLICY=')
names=none
set -- /bin/true
for name in isosocks isosocks:no-guard $peers; do
	is_installed $name || { row $name "to end" "not installed"; continue; }
	names="$names;$name"
	set -- "$@" "$(words $name) /bin/true"
done
names="$names;env(1);library, policy;library"
$pin "$bench/startup" "${RUNS:-400}" "$@" "env /bin/true" "LD_PRELOAD=$folder/libisosocks.so $policy /bin/true" \
	"LD_PRELOAD=$folder/libisosocks.so /bin/true" |
	awk -v names="$names" -v OFS='\t' 'BEGIN { split(names, name, ";") } { print name[$1 + 1], "to end", $2 }'

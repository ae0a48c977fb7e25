# Reads a home directory and what is to become of it, waits until its input ends, kills what works in that home, and then keeps or removes it.
read -r home || exit 0
read -r fate
read -r _

# The processes that have a path below it, or it as their HOME. Patterns are not in grep's own.
working() {
	{
		printf '%s/\n' "$home" | grep -lsaF -f - /proc/[0-9]*/cmdline /proc/[0-9]*/environ
		printf 'HOME=%s\n' "$home" | grep -lszxF -f - /proc/[0-9]*/environ
	} | cut -d / -f 3 | sort -u
}

# Again until there is none, because one that is killed may have started another one meanwhile.
while pids=$(working) && [ -n "$pids" ]; do
	kill -KILL $pids 2>/dev/null
	sleep 0.1
done
[ "$fate" = keep ] || rm -rf "$home"

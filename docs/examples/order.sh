#!/bin/sh
# Checks, registers and renews domains through the HTTP gateway of eppmux, with curl and jq.
#
#   order.sh check NAME...              says which names are free
#   order.sh create NAME KEY            registers NAME for a year
#   order.sh renew NAME EXPIRES KEY     renews NAME, which expires on the date EXPIRES, for a year
#
# KEY is the id of your order. Write it down before the first try, with NAME and EXPIRES: whatever happens to this
# program, it can then be run again with the same words, and the registry does it once.
#
# Exit codes: 0 it is done; 1 it was refused, and nothing was done; 2 nobody knows: a person must look at the registry
# before anything else is sent; 3 it was not sent: run it again later, with the same KEY.
set -eu

url=${EPPMUX_URL:-http://127.0.0.1:7080}
export REGISTRY="${EPPMUX_REGISTRY:-sandbox}"
tries=4
wait=30 # seconds that the gateway waits for the registry; we wait longer, so that it can tell what happened

# send PATH OPTION... sends the body on standard input. Neither it nor the token is among the arguments of curl, which
# all users of the host can read.
send() {
	path=$1
	shift
	curl --silent --show-error --no-buffer --max-time $((wait + 10)) --header 'Content-Type: application/json' \
		--header @/dev/fd/3 --data-binary @- "$@" "$url$path" 3<<END
${EPPMUX_TOKEN:+Authorization: Bearer $EPPMUX_TOKEN}
END
}

check() {
	# One line for each name, as it comes, in any order. If it breaks off: a check may always be repeated.
	jq -n '{registry: env.REGISTRY, names: $ARGS.positional}' --args "$@" |
		send /v1/check --header 'Accept: application/x-ndjson' |
		jq -r --unbuffered 'if .name then "\(.name) " +
				(if .problem then "problem: \(.problem.kind)" elif .available then "free" else "taken" end)
			else "! \(.detail)" end' |
		awk -v names=$# '/^!/ { print > "/dev/stderr"; bad = 1; next }
			{ n++; print; fflush() }
			END { exit bad ? 1 : n < names ? 3 : 0 }'
}

# word is what became of a change, by the answer on standard input.
word() {
	jq -r 'if .outcome == "answered" and .code then (if .code < 2000 then "done" else "failed" end)
		elif .outcome == "not_sent" or .retryAfter then "later"
		elif .outcome == "refused" then "refused"
		else "unknown" end' 2>/dev/null
}

# change PATH BODY NAME KEY repeats a change until it is known what became of it. The repeats have the same key and the
# same body: by them the gateway knows that they are one order. A new key would be a new order, and could be a second
# one.
change() {
	unknown=no # yes: an earlier try may have been carried out
	pause=1
	n=0
	while :; do
		answer=$(printf %s "$2" | send "$1" --header "Idempotency-Key: $4" --header "Prefer: wait=$wait") || answer=
		word=$(printf %s "$answer" | word) || word=
		case ${word:-unknown},$unknown in
		done,*)
			# Code 1001: the registry has taken it, and is still at it.
			until=$(printf %s "$answer" | jq -r '.data.exDate // "the date that the registry tells later"')
			echo "$3 is done, until $until"
			exit 0
			;;
		failed,* | refused,no)
			echo "$3 was refused: $(printf %s "$answer" | jq -r .detail)" >&2
			exit 1
			;;
		unknown,*) unknown=yes ;;
		esac
		n=$((n + 1))
		[ $n -lt $tries ] || break
		after=$(printf %s "$answer" | jq -r '.retryAfter // empty' 2>/dev/null) || after=
		sleep "${after:-$pause}" # Retry-After, where there is one
		pause=$((pause * 2))
	done
	if [ $unknown = yes ]; then
		echo "$3 is unknown: look at the registry. The order is $4" >&2
		exit 2
	fi
	echo "$3 was not sent: $(printf %s "$answer" | jq -r .detail)" >&2
	exit 3
}

# The bodies: jq writes the same octets for the same order. Many registries want a password for the domain (authInfo).
# It is a part of the order, too.
case "${1:-},$#" in
check,[2-9]* | check,1?*)
	shift
	check "$@"
	;;
create,3)
	body=$(jq -n --arg name "$2" '{host: env.REGISTRY, domain: $name, years: 1, password: (env.DOMAIN_PASSWORD // "")}')
	change /api/epp/domain-create "$body" "$2" "$3"
	;;
renew,4)
	body=$(jq -n --arg name "$2" --arg expires "$3" '{host: env.REGISTRY, domain: $name, years: 1, curExpDate: $expires}')
	change /api/epp/domain-renew "$body" "$2" "$4"
	;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 1
	;;
esac

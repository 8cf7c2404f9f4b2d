#!/bin/bash
# One late answer, and Net::EPP::Simple of Debian's libnet-epp-perl 0.22-2 fails for good.
#
# Asked: a registry takes longer for one answer than the client's timeout. What does the client's
# next command find?
#
# Guessed: an error for the late command. Then the next commands work, on the same connection or on a
# new one, with a login: by its manual Simple reconnects by itself, and logs in unless told not to.
#
# Seen, with a timeout of 2 s:
#
# - Late by 1 s: nothing works any more. Before each command Simple sends hello and takes whatever
#   frame comes for the answer. So the late answer counts as a sign of life, and from then on each
#   command reads the greeting that answers the hello before it. The registry answers 1000, the
#   program is told 2400, on and on.
# - Late by 3 s: the hello has no answer in time either, and Simple reconnects. It does not log in on
#   the new connection, and never will: that one answers hello. All commands are refused with 2002.
#
# Exits with 0 while that is so, with 1 when it has changed. Needs root for apt-get.
set -euo pipefail

version=0.22-2
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT

if [ "$(dpkg-query -W -f '${Version}' libnet-epp-perl 2>/dev/null)" != "$version" ]; then
	apt-get update -qq
	apt-get install -qq -y --no-install-recommends "libnet-epp-perl=$version" >/dev/null
fi
dpkg-query -W libnet-epp-perl
perl -e 'print "perl $^V\n"'

# A registry that keeps to RFC 5730 and RFC 5734: greeting, login, check and hello, 2002 before a
# login. It takes its time for late.example, and writes what it was sent and what it answered.
cat >"$dir/registry.pl" <<'PERL'
use strict; use warnings; use IO::Socket::INET; use Time::HiRes qw(sleep);
$| = 1;
my $ns = 'urn:ietf:params:xml:ns:epp-1.0';
my $domain = 'urn:ietf:params:xml:ns:domain-1.0';
my $greeting = qq(<epp xmlns="$ns"><greeting><svID>slow</svID><svDate>2026-01-01T00:00:00.0Z</svDate><svcMenu>)
	. qq(<version>1.0</version><lang>en</lang><objURI>$domain</objURI></svcMenu><dcp><access><all/></access>)
	. qq(<statement><purpose><admin/></purpose><recipient><ours/></recipient><retention><none/></retention></statement>)
	. qq(</dcp></greeting></epp>);
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5) or die;
print "port ", $listener->sockport, "\n";
my $n = 0;
while (my $c = $listener->accept) {
	$n++;
	next if fork;
	my ($in, $what, $name) = (0);
	my $send = sub { print {$c} pack('N', 4 + length $_[0]), $_[0]; $c->flush };
	my $answer = sub {
		my ($code, $text, $id, $data) = @_;
		print "connection $n: $what ", $name // '', ": $code\n";
		$send->(qq(<epp xmlns="$ns"><response><result code="$code"><msg>$text</msg></result>$data)
			. qq(<trID><clTRID>$id</clTRID><svTRID>SV</svTRID></trID></response></epp>));
	};
	$send->($greeting);
	while (read($c, my $head, 4) == 4) {
		read($c, my $xml, unpack('N', $head) - 4);
		my ($id) = $xml =~ m{<clTRID>([^<]*)</clTRID>};
		($what) = $xml =~ m{<(hello|login|check|logout)\b};
		($name) = $xml =~ m{<domain:name>([^<]*)</domain:name>};
		if ($what eq 'hello') { $send->($greeting); next }
		if ($what eq 'login') { $in = 1; $answer->(1000, 'Command completed successfully', $id, ''); next }
		if ($what eq 'logout') { $answer->(1500, 'Command completed successfully; ending session', $id, ''); last }
		if (!$in) { $answer->(2002, 'Command use error', $id, ''); next }
		sleep $ARGV[0] if $name eq 'late.example';
		$answer->(1000, 'Command completed successfully', $id, qq(<resData><domain:chkData xmlns:domain="$domain"><domain:cd>)
			. qq(<domain:name avail="1">$name</domain:name></domain:cd></domain:chkData></resData>));
	}
	exit 0;
}
PERL

cat >"$dir/client.pl" <<'PERL'
use strict; use warnings; use Net::EPP::Simple;
my $epp = Net::EPP::Simple->new(host => '127.0.0.1', port => $ARGV[0], no_ssl => 1,
	user => 'client', pass => 'secret-1', timeout => 2) or die "login: $Net::EPP::Simple::Error";
for my $name ('early.example', 'late.example', 'next.example', 'third.example') {
	my $got = $epp->check_domain($name);
	printf "%s: %s, %s\n", $name, defined $got ? $got : 'undef', $Net::EPP::Simple::Code // '-';
}
PERL

# play SECONDS has the client do its four checks at a registry that takes SECONDS for the second one.
play() {
	perl "$dir/registry.pl" "$1" >"$dir/registry.log" 2>&1 &
	server=$!
	for _ in $(seq 50); do grep -q '^port' "$dir/registry.log" && break; sleep 0.1; done
	perl "$dir/client.pl" "$(sed -n 's/^port //p' "$dir/registry.log")" >"$dir/client.log" 2>&1 || true
	sleep 0.5
	kill "$server"
	printf -- '-- %s s for an answer, timeout 2 s: what the client says\n' "$1"
	cat "$dir/client.log"
	echo "-- what the registry answered"
	grep -v '^port' "$dir/registry.log"
}

# want FILE LINE... fails unless the file has exactly these lines.
want() {
	if ! diff -u <(printf '%s\n' "${@:2}") <(grep -v '^port' "$1"); then
		echo "changed: the lines above with + are new"
		exit 1
	fi
}

play 3
want "$dir/client.log" "early.example: 1, 1000" "late.example: undef, 2400" \
	"next.example: undef, 2400" "third.example: undef, 2400"
want "$dir/registry.log" "connection 1: login : 1000" "connection 1: check early.example: 1000" \
	"connection 1: check late.example: 1000" "connection 1: check next.example: 1000" \
	"connection 1: check third.example: 1000" \
	"connection 1: logout : 1500"

play 5
want "$dir/client.log" "early.example: 1, 1000" "late.example: undef, 2400" \
	"next.example: undef, 2002" "third.example: undef, 2002"
grep -q '^connection 2: check next.example: 2002$' "$dir/registry.log"
if grep -q '^connection 2: login' "$dir/registry.log"; then
	echo "changed: the new connection has a login"
	exit 1
fi
echo "as seen before"

# A proxy as Perl programmers have built it on Net::EPP: all clients share one session, whose owner waits for each answer
# before it looks at the next client. It is what eppmux is compared with where Debian's libnet-epp-perl is installed.
#
#	perl onesession.pl REGISTRY-PORT CA CERT KEY CLIENT-ID PASSWORD
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Net::EPP::Client;
use Net::EPP::Protocol;

my ($port, $ca, $cert, $key, $id, $password) = @ARGV;
my $epp = Net::EPP::Client->new(host => 'localhost', port => $port, ssl => 1);
my $greeting = $epp->connect(
	PeerAddr => '127.0.0.1', SSL_verifycn_name => 'localhost', SSL_hostname => 'localhost', SSL_verify_mode => 1,
	SSL_ca_file => $ca, SSL_cert_file => $cert, SSL_key_file => $key, SSL_use_cert => 1,
);
my $answer = $epp->request(qq{<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><login>}
	. qq{<clID>$id</clID><pw>$password</pw><options><version>1.0</version><lang>en</lang></options>}
	. qq{<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login><clTRID>one-$$</clTRID></command></epp>});
die "login: $answer" unless $answer =~ /code="1000"/;

my $listener = IO::Socket::INET->new(Listen => 4096, LocalAddr => '127.0.0.1', LocalPort => 0) or die "listen: $@";
$| = 1;
print 'listening on 127.0.0.1:', $listener->sockport, "\n";
my $select = IO::Select->new($listener);
while (my @ready = $select->can_read) {
	for my $fh (@ready) {
		if ($fh == $listener) {
			my $client = $listener->accept or next;
			Net::EPP::Protocol->send_frame($client, $greeting);
			$select->add($client);
			next;
		}
		my $frame = eval { Net::EPP::Protocol->get_frame($fh) };
		if (!defined $frame || $frame eq '') {
			$select->remove($fh);
			close $fh;
			next;
		}
		Net::EPP::Protocol->send_frame($fh, $epp->request($frame));
	}
}

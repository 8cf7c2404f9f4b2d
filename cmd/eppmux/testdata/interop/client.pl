#!/usr/bin/perl
# A session with Net::EPP::Client, each answer printed as it came in, one to a line.
# Arguments: host, port and for TLS the files of the authority, the certificate and its key.
use strict;
use warnings;
use utf8;
use Net::EPP::Client;
use Net::EPP::Frame;

my ($host, $port, $ca, $cert, $key) = @ARGV;
$| = 1;

my $epp;
my %tls = $ca
	? (SSL_verify_mode => 1, SSL_ca_file => $ca, SSL_cert_file => $cert, SSL_key_file => $key)
	: ();
my $sent = 0;

# connect opens a connection and returns the greeting.
sub connect {
	$epp = Net::EPP::Client->new(host => $host, port => $port, $ca ? (ssl => 1) : ());
	return $epp->connect(%tls);
}

# told prints an answer and returns it.
sub told {
	my ($step, $answer) = @_;
	(my $line = $answer) =~ s/\r?\n/ /g;
	print "$step: $line\n";
	return $answer;
}

# build makes a command of the module's: a class below Net::EPP::Frame::Command, and the calls that fill it.
sub build {
	my ($class, @calls) = @_;
	my $frame = "Net::EPP::Frame::Command::$class"->new;
	while (my ($method, $arguments) = splice(@calls, 0, 2)) {
		$frame->$method(@$arguments);
	}
	return $frame;
}

# exchange sends a command under the next clTRID and returns the answer.
sub exchange {
	my ($frame) = @_;
	$frame->clTRID->appendText(sprintf('ClientA-%04d', ++$sent));
	return $epp->request($frame);
}

# brief prints the code and the clTRID of an answer that eppmux gives in its own words.
sub brief {
	my ($step, $answer) = @_;
	my ($code) = $answer =~ /<result code="(\d+)">/;
	my ($echo) = $answer =~ m{<clTRID>(.*?)</clTRID>};
	print "$step: code $code, clTRID $echo\n";
}

sub ask { my ($step, @build) = @_; return told($step, exchange(build(@build))) }

# login makes a login with all that the greeting offers. With a second password it asks for a change.
sub login {
	my ($greeting, $password, $next) = @_;
	my $login = build('Login');
	$login->clID->appendText('demo');
	$login->pw->appendText($password);
	$login->version->appendText('1.0');
	$login->lang->appendText('en');
	if (defined $next) {
		my $new = $login->createElement('newPW');
		$new->appendText($next);
		$login->pw->parentNode->insertAfter($new, $login->pw);
	}
	$login->svcs->appendTextChild('objURI', $_) for $greeting =~ m{<objURI>(.*?)</objURI>}g;
	my $extensions = $login->createElement('svcExtension');
	$login->svcs->appendChild($extensions);
	$extensions->appendTextChild('extURI', $_) for $greeting =~ m{<extURI>(.*?)</extURI>}g;
	return $login;
}

# extend puts XML into a command's extension, for which the module has no method.
sub extend {
	my ($frame, $xml) = @_;
	my $extension = $frame->createElement('extension');
	$extension->appendWellBalancedChunk($xml);
	$frame->command->insertBefore($extension, $frame->clTRID);
	return $frame;
}

my $greeting = told('greeting', &connect());

# A connection of its own for the one answer that is not the same through eppmux. The registry's is undone.
my $change = exchange(login($greeting, 'demo-secret', 'new-secret'));
my ($changed) = $change =~ /<result code="(\d+)">/;
print "password change: code $changed\n";
exchange(build('Logout'));
if ($changed == 1000) {
	exchange_alone(login(&connect(), 'new-secret', 'demo-secret'));
}
sub exchange_alone { exchange($_[0]); exchange(build('Logout')) }

$greeting = &connect();
$sent = 0;
brief('login', exchange(login($greeting, 'demo-secret')));

told('hello', $epp->request(Net::EPP::Frame::Hello->new));

ask('check domains', 'Check::Domain', map { (addDomain => [$_]) } qw(example.com interop.com free.net taken.org nowhere.invalid));
ask('check contacts', 'Check::Contact', addContact => ['ALICE'], addContact => ['INTEROP-1']);
ask('check hosts', 'Check::Host', addHost => ['ns1.example.com'], addHost => ['ns9.example.com']);

ask('create contact', 'Create::Contact',
	setContact    => ['INTEROP-1'],
	addPostalInfo => ['loc', 'Zoë Müller & Söhne', 'Société <Beispiel>',
		{street => ['Straße 1', '2. Stock'], city => 'Zürich', sp => '', pc => '8000', cc => 'CH'}],
	setVoice    => ['+41.445555501'],
	setEmail    => ['zoe@example.org'],
	setAuthInfo => ['secret-1']);
ask('create host', 'Create::Host',
	setHost => ['ns9.example.com'], setAddr => [{ip => '192.0.2.9', version => 'v4'}, {ip => '2001:db8::9', version => 'v6'}]);
ask('create domain', 'Create::Domain',
	setDomain     => ['interop.com'],
	setPeriod     => [2],
	setNS         => ['ns1.example.com', 'ns9.example.com'],
	setRegistrant => ['ALICE'],
	setContacts   => [{admin => 'INTEROP-1'}],
	setContacts   => [{tech => 'TECH-1'}],
	setAuthInfo   => ['secret-2']);
ask('create domain again', 'Create::Domain',
	setDomain => ['interop.com'], setPeriod => [1], setRegistrant => ['ALICE'], setAuthInfo => ['secret-2']);

ask('info contact', 'Info::Contact', setContact => ['INTEROP-1']);
ask('info host',    'Info::Host',    setHost    => ['ns9.example.com']);
my $info = ask('info domain', 'Info::Domain', setDomain => ['interop.com']);
ask('update domain', 'Update::Domain',
	setDomain   => ['interop.com'],
	addStatus   => ['clientHold', 'unpaid'],
	remNS       => ['ns9.example.com'],
	chgAuthInfo => ['secret-3']);
my ($expires) = $info =~ /<domain:exDate>(\d{4}-\d\d-\d\d)/ or die "no exDate in $info";
ask('renew domain', 'Renew::Domain', setDomain => ['interop.com'], setCurExpDate => [$expires], setPeriod => [1]);
ask('info updated domain', 'Info::Domain', setDomain => ['interop.com']);
my $ds = '<secDNS:dsData><secDNS:keyTag>%d</secDNS:keyTag><secDNS:alg>13</secDNS:alg><secDNS:digestType>2</secDNS:digestType>'
	. '<secDNS:digest>49FD46E6C4B45C55D4AC49FD46E6C4B45C55D4AC49FD46E6C4B45C55D4AC1234</secDNS:digest></secDNS:dsData>';
my $dns = 'xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1"';
told('create signed domain', exchange(extend(
	build('Create::Domain', setDomain => ['signed.com'], setPeriod => [1], setRegistrant => ['ALICE'], setAuthInfo => ['secret-5']),
	"<secDNS:create $dns>" . sprintf($ds, 12345) . '</secDNS:create>')));
ask('info signed domain', 'Info::Domain', setDomain => ['signed.com']);
my $update = build('Update::Domain', setDomain => ['signed.com']);
told('update keys', exchange(extend($update,
	"<secDNS:update $dns><secDNS:rem>" . sprintf($ds, 12345) . '</secDNS:rem><secDNS:add>' . sprintf($ds, 54321) . '</secDNS:add></secDNS:update>')));
ask('info updated keys', 'Info::Domain', setDomain => ['signed.com']);
ask('info missing domain', 'Info::Domain', setDomain => ['missing.com']);
ask('transfer of a locked domain', 'Transfer::Domain',
	setOp => ['request'], setDomain => ['locked.com'], setAuthInfo => ['auth-locked.com']);
ask("transfer $_", 'Transfer::Domain', setOp => [$_], setDomain => ['taken.com'], setAuthInfo => ['auth-taken.com'])
	for qw(request query cancel query);
ask('delete host', 'Delete::Host', setHost => ['ns9.example.com']);

# acknowledge reads and acknowledges messages until none is left, and returns how many there were.
sub acknowledge {
	my $count = 0;
	while (1) {
		my $answer = exchange(build('Poll::Req'));
		told('poll', $answer);
		return $count if $answer =~ /<result code="1300"/;
		my ($id) = $answer =~ /<msgQ [^>]*id="([^"]*)"/ or die "no message in $answer";
		ask('acknowledge', 'Poll::Ack', setMsgID => [$id]);
		$count++;
	}
}

acknowledge();

# The answer to this comes later, as a message that names the clTRID of now. How often it is asked for is not the same
# each time, so its clTRID is.
ask('create pending domain', 'Create::Domain',
	setDomain => ['pending-interop.com'], setPeriod => [1], setRegistrant => ['ALICE'], setAuthInfo => ['secret-4']);
$sent = 9000;
for (1 .. 300) {
	my $answer = exchange(build('Poll::Req'));
	$sent = 9000;
	last if $answer =~ /<result code="1301"/;
	select(undef, undef, undef, 0.1);
}
acknowledge();

brief('logout', exchange(build('Logout')));
my $rest = $epp->{connection}->sysread(my $octets, 1);
print 'end: ', (defined $rest ? "$rest octets" : "error $!"), "\n";

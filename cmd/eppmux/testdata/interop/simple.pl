#!/usr/bin/perl
# A session with Net::EPP::Simple, and what it makes of the answers. The module sends a hello before most commands. It logs in
# by itself and cannot change a password; where it has no method for a command, Net::EPP::Frame builds it.
# Arguments: host, port and for TLS the files of the authority, the certificate and its key.
use strict;
use warnings;
use Net::EPP::Simple;

# Watched tells of every command that was not answered under its own clTRID.
package Watched {
	our @ISA = ('Net::EPP::Simple');

	sub request {
		my ($self, $frame) = @_;
		my $answer = $self->SUPER::request($frame);
		return $answer if !$answer || !$frame->isa('Net::EPP::Frame::Command');
		my $echo = $answer->clTRID ? $answer->clTRID->textContent : 'none';
		print "got clTRID $echo\n" if $echo ne $frame->clTRID->textContent;
		return $answer;
	}
}

my ($host, $port, $ca, $cert, $key) = @ARGV;
$| = 1;

# show writes a value with its keys in order.
sub show {
	my ($value) = @_;
	return 'undef' if !defined $value;
	return '{' . join(', ', map { "$_: " . show($value->{$_}) } sort keys %$value) . '}' if ref $value eq 'HASH';
	return '[' . join(', ', map { show($_) } @$value) . ']' if ref $value eq 'ARRAY';
	return $value;
}

my $epp = Watched->new(
	host => $host, port => $port, user => 'demo', pass => 'demo-secret', timeout => 30, load_config => 0,
	$ca ? (verify => 1, ca_file => $ca, cert => $cert, key => $key) : (no_ssl => 1),
) or die "connect: $Net::EPP::Simple::Error\n";

# told prints what a call gave and what it left behind.
sub told {
	my ($step, $value) = @_;
	no warnings 'once';
	my $error = $Net::EPP::Simple::Error ne '' ? ", error: $Net::EPP::Simple::Error" : '';
	print "$step: ", show($value), ", code ", show($Net::EPP::Simple::Code), "$error\n";
	return $value;
}

# frame sends a command for which the module has no method.
sub frame {
	my ($step, $frame) = @_;
	my $answer = $epp->request($frame) or die "$step: $Net::EPP::Simple::Error\n";
	my $queue  = $answer->getNode('msgQ');
	print "$step: code ", $answer->code, ', message ', show($answer->msg),
		$queue ? (', queue ', $queue->getAttribute('count'), ', first ', $queue->getAttribute('id')) : (), "\n";
	return $answer;
}

told('login', 1);
print 'server: ', $epp->greeting->getNode('svID')->textContent, "\n";
told('ping', $epp->ping);

told("check $_",         $epp->check_domain($_))  for qw(example.com interop.com free.net taken.org nowhere.invalid);
told("check host $_",    $epp->check_host($_))    for qw(ns1.example.com ns9.example.com);
told("check contact $_", $epp->check_contact($_)) for qw(ALICE INTEROP-1);

told('create contact', $epp->create_contact({
	id         => 'INTEROP-1',
	postalInfo => {int => {name => 'Zoe Example', org => 'Example', addr => {street => ['1 Sample Street'], city => 'Sampleton', sp => 'XX', pc => '00000', cc => 'US'}}},
	voice      => '+1.5555550101',
	fax        => '+1.5555550102',
	email      => 'zoe@example.org',
	authInfo   => 'secret-1',
}));
told('create host', $epp->create_host({name => 'ns9.example.com', addrs => [{ip => '192.0.2.9', version => 'v4'}]}));
my %domain = (
	name       => 'interop.com', period => 2, registrant => 'ALICE', contacts => {admin => 'INTEROP-1', tech => 'TECH-1'},
	ns         => ['ns1.example.com', 'ns9.example.com'], authInfo => 'secret-2',
);
told('create domain',       $epp->create_domain(\%domain));
told('create domain again', $epp->create_domain(\%domain));

told('contact', $epp->contact_info('INTEROP-1'));
told('host',    $epp->host_info('ns9.example.com'));
my $info = told('domain', $epp->domain_info('interop.com'));
told('update', $epp->update_domain({
	name => 'interop.com',
	add  => {status => ['clientHold']},
	rem  => {ns     => ['ns9.example.com']},
	chg  => {authInfo => 'secret-3'},
}));
told('renew', $epp->renew_domain({name => 'interop.com', cur_exp_date => substr($info->{exDate}, 0, 10), period => 1}));
told('updated domain', $epp->domain_info('interop.com'));
told('missing domain', $epp->domain_info('missing.com'));
told('transfer',       $epp->domain_transfer_request('taken.com', 'auth-taken.com', 1));

told("transfer $_->[0]", $_->[1]->()) for
	['query',  sub { $epp->domain_transfer_query('taken.com') }],
	['cancel', sub { $epp->domain_transfer_cancel('taken.com') }];

my $several = Net::EPP::Frame::Command::Check::Domain->new;
$several->addDomain($_) for qw(example.com free.net nowhere.invalid);
print join(', ', map { $_->textContent . '=' . $_->getAttribute('avail') } frame('check several', $several)->getElementsByLocalName('name')), "\n";

my $signed = Net::EPP::Frame::Command::Create::Domain->new;
$signed->setDomain('signed.com');
$signed->setPeriod(1);
$signed->setRegistrant('ALICE');
$signed->setAuthInfo('secret-5');
my $extension = $signed->createElement('extension');
$extension->appendWellBalancedChunk('<secDNS:create xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1"><secDNS:dsData><secDNS:keyTag>12345</secDNS:keyTag>'
	. '<secDNS:alg>13</secDNS:alg><secDNS:digestType>2</secDNS:digestType><secDNS:digest>49FD46E6C4B45C55D4AC</secDNS:digest></secDNS:dsData></secDNS:create>');
$signed->command->insertBefore($extension, $signed->clTRID);
frame('create signed domain', $signed);
told('signed domain', $epp->domain_info('signed.com'));

for (1 .. 20) {
	my $poll = frame('poll', Net::EPP::Frame::Command::Poll::Req->new);
	last if $poll->code == 1300;
	my $ack = Net::EPP::Frame::Command::Poll::Ack->new;
	$ack->setMsgID($poll->getNode('msgQ')->getAttribute('id'));
	frame('acknowledge', $ack);
}

told('delete domain', $epp->delete_domain('interop.com'));
told('logout',        $epp->logout);

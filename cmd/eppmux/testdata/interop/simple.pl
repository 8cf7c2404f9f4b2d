#!/usr/bin/perl
# A session with Net::EPP::Simple, and what it makes of the answers. The module sends a hello before most commands.
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

my $poll = frame('poll', Net::EPP::Frame::Command::Poll::Req->new);
my $ack  = Net::EPP::Frame::Command::Poll::Ack->new;
$ack->setMsgID($poll->getNode('msgQ')->getAttribute('id'));
frame('acknowledge', $ack);
frame('poll again', Net::EPP::Frame::Command::Poll::Req->new);

told('delete domain', $epp->delete_domain('interop.com'));
told('logout',        $epp->logout);

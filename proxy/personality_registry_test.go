package proxy

import (
	"time"

	"eppmux/frame"
	"eppmux/sandbox"
)

// registryKind is a registry as it behaves on the wire: the oddities of one that was measured, or a
// single one.
type registryKind struct {
	name  string
	about string // in words
	// How the sandbox plays it.
	quirks string
	faults string
	idle   time.Duration // closes after so long in silence; 0: never
	// keepalive is what eppmux does about it; CommandNone: nothing.
	keepalive frame.Command
	// What clients see of it, through eppmux as directly.
	echo     echo
	spoils   habit // habits of clients that cannot live with it, with eppmux or without
	renewal  renewal
	unknown  closing // of the session, on a protocol extension that it does not know
	noLogout closing // of the session, in place of the answer to logout
}

// renewal is what becomes of a renew of a domain that there is not.
type renewal uint8

const (
	renewalRefused renewal = iota // 2303
	renewalEnds                   // 2500: the registry says that it closes
)

// closing says whether a registry closes without an answer.
type closing bool

const (
	answers closing = false
	closes  closing = true
)

// silence is how long a registry lets a session be silent that does not let it be for long: 30 s
// and less in life.
const (
	silence      = 6 * time.Second
	beforeItEnds = silence / 12
)

// registryKinds are the servers that were measured, and then what is odd at them one by one.
var registryKinds = []registryKind{
	{name: "Namingo registry", about: "answers what is sent ahead out of order; a clTRID that was used before or is too long closes; login takes 0.25 s",
		quirks: "out-of-order,repeat-closes,long-cltrid-closes", faults: "slow=250ms:cmd=login"},
	{name: "Net::EPP::Server", about: "malformed XML closes; no clTRID with 2001; svTRID of 64 characters; a login with `ns0:` closes; silence closes",
		quirks: "malformed-closes,syntax-no-cltrid,long-svtrid,ns0-login-closes", idle: silence, keepalive: frame.CommandHello},
	{name: "Verisign stub server", about: "one svTRID for all; no clTRID with 2001; 2500 without closing",
		quirks: "constant-svtrid,syntax-no-cltrid,login-first-2500,stay-after-failure", faults: "2500-close:cmd=renew", renewal: renewalEnds},
	{name: "epp-lib", about: "header and payload in two TLS records; malformed XML and unknown commands close; silence closes",
		quirks: "split-writes,malformed-closes,unknown-closes", idle: silence, keepalive: frame.CommandHello, unknown: closes},
	{name: "epp-go", about: "never gives a clTRID; hello closes; logout closes without 1500; one svTRID for all; two TLS records; silence closes",
		quirks: "no-cltrid,hello-closes,constant-svtrid,split-writes", faults: "close-after:cmd=logout", idle: silence, keepalive: frame.CommandPoll,
		echo: echoNever, spoils: needsEcho, noLogout: closes},
	{name: "mod_epp", about: "comments in answers; no svTRID; stays open after 1500",
		quirks: "comments,no-svtrid,stay-after-logout", spoils: validates},

	{name: "plain", about: "nothing odd; as all others here, it refuses a login that lists services it does not offer with 2307 or 2103"},
	{name: "out of order", about: "answers what is sent ahead out of order", quirks: "out-of-order"},
	{name: "clTRID once only", about: "a clTRID that was used before closes, in whichever session", quirks: "repeat-closes"},
	{name: "short clTRIDs only", about: "a clTRID of more than 64 characters closes", quirks: "long-cltrid-closes"},
	{name: "no clTRID", about: "never gives a clTRID", quirks: "no-cltrid", echo: echoNever, spoils: needsEcho},
	{name: "invented clTRID", about: "gives a clTRID where none was sent", quirks: "invented-cltrid"},
	{name: "constant svTRID", about: "one svTRID for all", quirks: "constant-svtrid"},
	{name: "no svTRID", about: "answers without svTRID", quirks: "no-svtrid", spoils: validates},
	{name: "long svTRID", about: "svTRID of 64 characters", quirks: "long-svtrid"},
	{name: "hello closes", about: "hello closes; silence closes, so that poll keeps sessions open",
		quirks: "hello-closes", idle: silence, keepalive: frame.CommandPoll},
	{name: "silence closes", about: "silence closes, so that hello keeps sessions open", idle: silence, keepalive: frame.CommandHello},
	{name: "malformed closes", about: "malformed XML closes without an answer", quirks: "malformed-closes"},
	{name: "unknown closes", about: "an unknown command closes without an answer", quirks: "unknown-closes", unknown: closes},
	{name: "two records", about: "header and payload in two TLS records", quirks: "split-writes"},
	{name: "octet by octet", about: "a TLS record for every octet", quirks: "dribble"},
	{name: "comments", about: "comments in answers, with what looks like a clTRID in them", quirks: "comments"},
	{name: "epp prefix", about: "`epp:` on every EPP element", quirks: "epp-prefix"},
	{name: "stays after 1500", about: "leaves the connection open after logout", quirks: "stay-after-logout"},
	{name: "2500 stays", about: "answers 2500 and leaves the connection open", quirks: "stay-after-failure", faults: "2500-close:cmd=renew", renewal: renewalEnds},
	{name: "ns0 login closes", about: "a login with the prefix `ns0:` closes", quirks: "ns0-login-closes"},
}

// needsEcho are habits of clients that cannot be served where a clTRID may be missing from an
// answer.
const needsEcho = threeInFlight | exactID | validates

// config is the registry as the sandbox plays it.
func (k registryKind) config() (sandbox.Config, error) {
	c := sandbox.Config{Record: true, IdleTimeout: k.idle}
	var err error
	if k.quirks != "" {
		err = c.Quirks.Add(k.quirks)
	}
	if err == nil && k.faults != "" {
		c.Faults, err = sandbox.ParseFaults(k.faults)
	}
	return c, err
}

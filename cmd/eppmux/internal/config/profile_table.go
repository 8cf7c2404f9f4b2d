package config

import (
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/upstream"
)

// The sources of the profiles' numbers. The marks are explained at sourced.
const (
	fromAU       = "https://assets.com.au/?p=16951 [S]"
	fromBrussels = "https://docs.dnsbelgium.be/gtld/quickstart/services.html [V]"
	fromCA       = "https://stg.cira.ca/en/resources/documents/domains/" +
		"ca-application-services-acceptable-use-policy/ [V]"
	fromCO = "https://support.registry.co/hc/en-gb/articles/" +
		"35590222129437-Understanding-EPP-Session-Limits-and-Timeouts [V]"
	fromDK     = "README.md of https://github.com/Punktum-dk/epp-service-specification [V]"
	fromDonuts = "https://donuts.zendesk.com/hc/en-us/articles/201694057-Shared-Registry-System-SRS [V]"
	fromEE     = "https://inforuum.internet.ee/" +
		"eisi-infosusteemid-ja-tehnilised-tingimused/paringute-tehnilised-piirangud [V]"
	fromFR   = "rules of 2009, http://operations.afnic.fr/en/2009/12/08/epp-flow-control.html [S]"
	fromFury = "fury-2.1.xsd in https://github.com/icann/rst-test-specs [V]"
	fromFred = "config/server.conf.in in https://github.com/CZ-NIC/fred-server " +
		"and mod_eppd.c in https://github.com/CZ-NIC/fred-mod-eppd [V]"
	fromGov      = "docs/developer/epp-connection-pool-debugging.md in https://github.com/cisagov/manage.get.gov [V]"
	fromGovIssue = "September 2026, https://github.com/cisagov/manage.get.gov/issues/5385 [V]"
	fromLV       = "https://www.nic.lv/epp/session/overview.html [V]"
	fromNL       = "text of 2012, http://www.gtld-similarity.info/915/52.html [V]"
	fromNO       = "https://teknisk.norid.no/en/integrere-mot-norid/epp/systembegrensninger/ [V]"
	fromNomulus  = "default-config.yaml in https://github.com/google/nomulus [V]"
	fromNZ       = "https://docs.internetnz.nz/registry/faq/epp/ [V]"
	fromUK       = "https://registrars.nominet.uk/dragon/epp/session [V]"
	fromUKgTLD   = "https://registrars.nominet.uk/gtlds/gtld-registrar-systems/epp-for-gtlds/ [V]"
	fromStrict   = "no public source: a registry with few sessions; your contract's numbers go before it [B]"

	fromBrusselsProtected = "https://docs.dnsbelgium.be/gtld/general/protectedtransactions.html [V]"
	fromBrusselsGeneral   = "https://docs.dnsbelgium.be/gtld/general/general.html [V]"
	fromNomulusFAQ        = "docs/registrar-faq.md and LoginFlow.java in https://github.com/google/nomulus [V]"
)

// profiles are the registries whose numbers are public. A name stands in config files, and stays.
var profiles = map[string]*Profile{
	// .au, Identity Digital Australia. More sessions can be bought.
	"au": {sessions: sourced[int]{40, fromAU}},

	// .brussels and .vlaanderen. The registry's day ends at midnight UTC, and beyond the limit it
	// answers 2308. The client shall see that answer, so our limit only counts.
	"brussels": {
		sessions: sourced[int]{4, fromBrussels},
		idle:     sourced[time.Duration]{4 * time.Minute, fromBrussels},
		rates: []sourced[RateLimit]{{RateLimit{
			Name: "protected-transactions", Scope: ScopeRegistry, Shadow: true,
			Limit: ratelimit.Limit{N: 100, Per: 24 * time.Hour},
			Commands: []LimitedCommand{
				{Command: frame.CommandCreate}, {Command: frame.CommandRenew},
				{Command: frame.CommandTransfer, Op: frame.OpRequest}},
		}, fromBrusselsProtected}},
		Password: PasswordRule{Min: 8, Max: 16, From: fromBrusselsGeneral},
	},

	// .ca and others that run its registry have an extension of their own in info and check.
	"ca": {
		sessions: sourced[int]{15, fromCA},
		cert:     sourced[bool]{true, fromCA},
		reads:    sourced[[]string]{[]string{"urn:ietf:params:xml:ns:fury-2.1"}, fromFury},
	},

	"co": {
		sessions: sourced[int]{100, fromCO},
		idle:     sourced[time.Duration]{300 * time.Second, fromCO},
		names:    sourced[int]{50, fromCO},
		delay:    sourced[time.Duration]{2 * time.Second, fromCO}, // of a create that is answered 2302
	},

	// .cz and others that run FRED, with its default numbers. It reads 16000 octets of payload.
	"cz": {
		sessions: sourced[int]{5, fromFred},
		idle:     sourced[time.Duration]{300 * time.Second, fromFred},
		frame:    sourced[int]{16000 + frame.HeaderLen, fromFred},
		delay:    sourced[time.Duration]{10 * time.Second, fromFred}, // of answers that are errors
		cert:     sourced[bool]{true, fromFred},
	},

	// .dk says 700 s in one place and 5 minutes in another. Whether its equal errors must follow each
	// other, it does not say.
	"dk": {
		idle:     sourced[time.Duration]{5 * time.Minute, fromDK},
		age:      sourced[time.Duration]{8 * time.Hour, fromDK},
		errors:   sourced[int]{3, fromDK},
		frame:    sourced[int]{262144, fromDK},
		Password: PasswordRule{Min: 8, Max: 64, From: fromDK},
	},

	// One ceiling for all of its many TLDs.
	"donuts": {sessions: sourced[int]{40, fromDonuts}},

	// .ee counts login, logout and hello too, and answers 2502 to any command that comes too fast,
	// without closing. An error may block the session for a second.
	"ee": {
		sessions: sourced[int]{4, fromEE},
		idle:     sourced[time.Duration]{5 * time.Minute, fromEE},
		delay:    sourced[time.Duration]{time.Second, fromEE},
		rates: []sourced[RateLimit]{{RateLimit{
			Name: "all-per-minute", Limit: ratelimit.Limit{N: 100, Per: time.Minute, Burst: 10},
			Scope: ScopeRegistry, Commands: []LimitedCommand{{}},
		}, fromEE}},
		cert:      sourced[bool]{true, fromEE},
		Throttled: []upstream.Pattern{{Code: 2502}},
	},

	// .fr only slows down: 2 s for the second command after a login, for repeated checks, and for
	// the create of a name that is taken.
	"fr": {delay: sourced[time.Duration]{2 * time.Second, fromFR}},

	"generic-strict": {
		sessions: sourced[int]{3, fromStrict},
		idle:     sourced[time.Duration]{20 * time.Minute, fromStrict},
		age:      sourced[time.Duration]{24 * time.Hour, fromStrict},
	},

	// .gov shares the sessions among all environments. A session that is no longer logged in still
	// answers hello.
	"gov": {
		sessions: sourced[int]{100, fromGov},
		idle:     sourced[time.Duration]{60 * time.Minute, fromGov},
		probe:    sourced[KeepaliveCommand]{KeepalivePoll, fromGovIssue},
	},

	"lv": {
		idle: sourced[time.Duration]{10 * time.Minute, fromLV},
		age:  sourced[time.Duration]{5 * 24 * time.Hour, fromLV},
	},

	"nl": {
		sessions: sourced[int]{8, fromNL},
		idle:     sourced[time.Duration]{10 * time.Minute, fromNL},
		age:      sourced[time.Duration]{24 * time.Hour, fromNL},
	},

	// .no grants 0 to 9 sessions, 1 if nothing else is agreed, and closes after 1200 commands,
	// sometimes 900.
	"no": {
		sessions: sourced[int]{1, fromNO},
		idle:     sourced[time.Duration]{120 * time.Second, fromNO},
		commands: sourced[int]{900, fromNO},
		cert:     sourced[bool]{true, fromNO},
	},

	// Google's, and others that run Nomulus with its default numbers. Beyond them it closes without
	// a word.
	"nomulus": {
		sessions: sourced[int]{10, fromNomulus},
		idle:     sourced[time.Duration]{60 * time.Minute, fromNomulus},
		names:    sourced[int]{50, fromNomulus},
		rates: []sourced[RateLimit]{{RateLimit{
			Name: "all-per-10s", Limit: ratelimit.Limit{N: 100, Per: 10 * time.Second, Burst: 10},
			Scope: ScopeRegistry, Commands: []LimitedCommand{{}},
		}, fromNomulus}},
		cert: sourced[bool]{true, fromNomulusFAQ},
		Password: PasswordRule{OutOfBand: "the registry does not support newPW; change it in the registry's console",
			From: fromNomulusFAQ},
	},

	"nz": {
		sessions: sourced[int]{300, fromNZ},
		idle:     sourced[time.Duration]{5 * time.Minute, fromNZ},
		cert:     sourced[bool]{true, fromNZ},
		Password: PasswordRule{Min: 16, Max: 16, Forbidden: "&", From: fromNZ},
	},

	// The endpoint of .nz for names that are released.
	"nz-release": {
		sessions: sourced[int]{10, fromNZ},
		idle:     sourced[time.Duration]{5 * time.Minute, fromNZ},
		rates: []sourced[RateLimit]{{RateLimit{
			Name: "session-per-second", Limit: ratelimit.Limit{N: 1, Per: time.Second},
			Scope: ScopeSession, Commands: []LimitedCommand{{}},
		}, fromNZ}},
		cert:     sourced[bool]{true, fromNZ},
		Password: PasswordRule{Min: 16, Max: 16, Forbidden: "&", From: fromNZ},
	},

	"uk": {
		sessions: sourced[int]{6, fromUK},
		idle:     sourced[time.Duration]{30 * time.Minute, fromUK},
	},

	// Nominet's gTLDs; the certificate must be of a public authority.
	"uk-gtld": {
		sessions: sourced[int]{5, fromUKgTLD},
		idle:     sourced[time.Duration]{30 * time.Minute, fromUKgTLD},
		cert:     sourced[bool]{true, fromUKgTLD},
	},
}

package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Profile returns the Config of a kind of registry. Its numbers are public where possible. A number
// marked "ours" was chosen here: the registry has the rule but publishes no number for it, or none
// for all accounts.
func Profile(name string) (Config, error) {
	i := slices.IndexFunc(profiles, func(p profile) bool { return p.name == name })
	if i < 0 {
		var names []string
		for _, p := range profiles {
			names = append(names, p.name)
		}
		return Config{}, fmt.Errorf("unknown profile %q; there are %s", name, strings.Join(names, ", "))
	}
	c := profiles[i].config
	if c.Extensions == nil {
		c.Extensions = slices.Clone(olderURIs)
	}
	if text := profiles[i].faults; text != "" {
		var err error
		if c.Faults, err = ParseFaults(text); err != nil {
			panic("BUG: profile " + name + ": " + err.Error())
		}
	}
	return c, nil
}

// AboutProfile describes a profile. Numbers and Source belong together: each number has its origin
// and its date. [V] marks numbers read in the registry's own text, [S] secondary or historical
// ones.
type AboutProfile struct {
	About
	Numbers, Source string
}

// Profiles lists all profiles.
func Profiles() []AboutProfile {
	var out []AboutProfile
	for _, p := range profiles {
		out = append(out, AboutProfile{About{p.name, p.about}, p.numbers, p.source})
	}
	return out
}

// profile is a row of the table of profiles.
type profile struct {
	name, about, numbers, source string
	config                       Config // without Extensions: olderURIs
	faults                       string // as ParseFaults reads them
}

// unpublished is the session ceiling of profiles whose registry publishes none. It is ours, and the
// same as in generic-strict.
const unpublished = 3

// profiles is the table of all profiles. [V]: read in the registry's own text. [S]: secondary or
// historical. [B]: given in the project's brief. "ours": chosen here. A year is the date of the
// source, where it has one.
var profiles = []profile{
	{name: "generic-strict", about: "closes when messages are not read one by one",
		numbers: "3 sessions, 20 min idle, 24 h, 30 s to log in",
		source:  "ours",
		config: Config{
			// ours
			MaxSessions: 3, IdleTimeout: 20 * time.Minute, MaxAge: 24 * time.Hour, LoginTimeout: 30 * time.Second,
			Rules: Rules{OneFramePerRead: true},
		}},
	{name: "hamburg-like", about: "no pipelining",
		numbers: "3 sessions, 20 min idle, 24 h",
		source:  "the project's brief [B]; no public page is known",
		config: Config{
			// [B]; no stored public page
			MaxSessions: 3, IdleTimeout: 20 * time.Minute, MaxAge: 24 * time.Hour,
			Rules: Rules{OneFramePerRead: true}, // [B]
		}},
	// https://teknisk.norid.no/en/integrere-mot-norid/epp/systembegrensninger/ and
	// http://www.norid.no/registrar/system/dokumentasjon/aup.en.html
	{name: "no-like", about: "one session, few commands in it; too fast: closes and locks out",
		numbers: "1 session, 120 s idle, 900 commands, lockout 300 s [V]; 60 commands/min ours",
		source:  "https://teknisk.norid.no/en/integrere-mot-norid/epp/systembegrensninger/, undated",
		config: Config{
			// [V]; 1200 commands, sometimes 900
			MaxSessions: 1, IdleTimeout: 120 * time.Second, MaxCommands: 900,
			RateLimit: 60, RatePer: time.Minute, // there is a minute limit [V]; its number is ours
			Rules: Rules{Hangup: true, Lockout: 300 * time.Second}, // [V]
		}},
	// https://inforuum.internet.ee/eisi-infosusteemid-ja-tehnilised-tingimused/paringute-tehnilised-piirangud and
	// app/controllers/epp/base_controller.rb, app/models/epp_session.rb, app/lib/shunter.rb of
	// https://github.com/internetee/registry; one message per read: https://github.com/internetee/epp_proxy
	{name: "ee-like", about: "login and hello count, too; 2502 stays open; idle: 2201; slow errors",
		numbers: "4 sessions, 5 min idle, 100 commands/min, errors take 1 s [V]",
		source: "https://inforuum.internet.ee/eisi-infosusteemid-ja-tehnilised-tingimused/" +
			"paringute-tehnilised-piirangud, undated",
		config: Config{
			MaxSessions: 4, IdleTimeout: 5 * time.Minute, // [V]
			RateLimit: 100, RatePer: time.Minute, // [V]
			Rules: Rules{CountAll: true, IdleRefuses: true, OneFramePerRead: true, // [V]
				ErrorDelay: time.Second}, // [V], "up to 1 s"
		}},
	// When it shuts down it turns 1000 into 1500 and closes, which the fault x5xx plays.
	// README.md of https://github.com/Punktum-dk/epp-service-specification
	{name: "dk-like", about: "repeated errors become x5xx and close; long frames close",
		numbers: "700 s idle, 8 h, 262144 octets, third error of a kind [V]; 3 sessions ours",
		source:  "https://github.com/Punktum-dk/epp-service-specification, undated",
		config: Config{
			MaxSessions: unpublished, IdleTimeout: 700 * time.Second, // [V]; the text also says 5 minutes
			MaxAge: 8 * time.Hour, MaxFrame: 262144, // [V]
			Rules: Rules{ErrorsClose: 3, SilentBadLength: true}, // [V]
			// The published sample of poll ack sends no clTRID and gets one back.
			Quirks: Quirks{ClTRID: ClTRIDInvent}, // [V]
		}},
	// Rules of 2009: http://operations.afnic.fr/en/2009/12/08/epp-flow-control.html
	{name: "fr-like", about: "delays only: second command, rechecks, create of what exists",
		numbers: "2 s, foreign objects 1 s [V]; 3 sessions ours",
		source:  "http://operations.afnic.fr/en/2009/12/08/epp-flow-control.html, 2009",
		config: Config{
			MaxSessions: unpublished,
			Rules: Rules{Tarpit: Tarpit{ // [V]
				SecondCommand: 2 * time.Second, Rechecks: 2 * time.Second,
				Exists: 2 * time.Second, ForeignInfo: time.Second}},
		}},
	// Sessions, idle, quota: https://docs.dnsbelgium.be/gtld/quickstart/services.html and
	// https://docs.dnsbelgium.be/gtld/general/protectedtransactions.html (.brussels, .vlaanderen);
	// points: https://docs.dnsbelgium.be/be/general/hitpointsystem.html (.be)
	{name: "be-like", about: "quota: 2308; points for failures, then the account is blocked",
		numbers: "4 sessions, 4 min idle, 100 transactions a day, 1 and 10 points [V]; blocked at 100 ours",
		source: "https://docs.dnsbelgium.be/gtld/quickstart/services.html, " +
			"https://docs.dnsbelgium.be/be/general/hitpointsystem.html, undated",
		config: Config{
			MaxSessions: 4, IdleTimeout: 4 * time.Minute, // [V]
			Rules: Rules{Quota: 100, // [V]
				BlockAt: 100}, // 1 and 10 points [V]; the threshold is ours
		}},
	// config/server.conf.in and src/bin/corba/epp/epp_session.cc of
	// https://github.com/CZ-NIC/fred-server, mod_eppd.c of
	// https://github.com/CZ-NIC/fred-mod-eppd, EPPReference of https://github.com/CZ-NIC/fred-docs
	{name: "fred-like", about: "long frames close; slow errors; fred:clTRID and lists; billed requests",
		numbers: "5 sessions, 300 s idle, 16000 octets [V]; errors take 1 s, 25000 free requests a month ours",
		source:  "https://github.com/CZ-NIC/fred-server, https://github.com/CZ-NIC/fred-mod-eppd, undated",
		config: Config{
			MaxSessions: 5, IdleTimeout: 300 * time.Second, // [V]
			MaxFrame: 16000 + headerLen, // [V]
			Rules: Rules{SilentBadLength: true, Lists: true, // [V]
				ErrorDelay:   time.Second, // 0 to 10 s by configuration [V]; the number is ours
				FreeCommands: 25000},      // there is a monthly number [V]; this one is ours
		}},
	// https://registrars.nominet.uk/dragon/epp/session
	{name: "uk-like", about: "limits only",
		numbers: "6 sessions, 30 min idle [V]",
		source:  "https://registrars.nominet.uk/dragon/epp/session, undated",
		config:  Config{MaxSessions: 6, IdleTimeout: 30 * time.Minute}}, // [V]
	// 2012: http://www.gtld-similarity.info/915/52.html (.amsterdam on the system of .nl)
	{name: "nl-like", about: "limits only",
		numbers: "8 sessions, 10 min idle, 24 h [V]",
		source:  "http://www.gtld-similarity.info/915/52.html, 2012",
		config:  Config{MaxSessions: 8, IdleTimeout: 10 * time.Minute, MaxAge: 24 * time.Hour}}, // [V]
	// docs/registrar-faq.md, core/src/main/java/google/registry/config/files/default-config.yaml,
	// EppServiceHandler.java, EppController.java and LoginFlow.java of
	// https://github.com/google/nomulus; https://github.com/google/nomulus/pull/3179
	{name: "nomulus-like", about: "too fast: closes; must log in soon, with SNI; 2001 without clTRID",
		numbers: "10 sessions, 60 min idle, 10 s to log in, 100 commands in 10 s, 3 failed logins [V]",
		source:  "https://github.com/google/nomulus, undated",
		config: Config{
			MaxSessions: 10, IdleTimeout: time.Hour, LoginTimeout: 10 * time.Second, // [V]
			RateLimit: 100, RatePer: 10 * time.Second, // [V]
			Rules:  Rules{Hangup: true, LoginErrors: 3, RequireSNI: true}, // [V]
			Quirks: Quirks{NoClTRIDOnSyntax: true},                        // [V]
		}},
	// https://support.registry.co/hc/en-gb/articles/35590222129437-Understanding-EPP-Session-Limits-and-Timeouts
	{name: "co-like", about: "create of what exists takes longer",
		numbers: "100 sessions, 300 s idle, 2 s [V]",
		source: "https://support.registry.co/hc/en-gb/articles/" +
			"35590222129437-Understanding-EPP-Session-Limits-and-Timeouts, undated",
		config: Config{
			MaxSessions: 100, IdleTimeout: 300 * time.Second, // [V]
			Rules: Rules{Tarpit: Tarpit{Exists: 2 * time.Second}}, // [V]
		}},
	// https://docs.internetnz.nz/registry/faq/epp/
	{name: "nz-release", about: "a rate for each session",
		numbers: "10 sessions, 5 min idle, 1 command/s [V]; 2502 above it ours",
		source:  "https://docs.internetnz.nz/registry/faq/epp/, undated",
		config: Config{
			// [V]; what follows above it is ours
			MaxSessions: 10, IdleTimeout: 5 * time.Minute, RateLimit: 1, RatePer: time.Second,
			Rules: Rules{RatePerSession: true}, // [V]
		}},
	// https://github.com/cisagov/manage.get.gov/issues/5385 (September 2026)
	{name: "zombie", about: "after some commands a session is dead: 2002 to all but hello",
		numbers: "60 min idle [V]; 3 sessions, 20 commands ours",
		source:  "https://github.com/cisagov/manage.get.gov/issues/5385, September 2026",
		config: Config{
			MaxSessions: unpublished, IdleTimeout: time.Hour, // [V]
			Rules: Rules{ZombieCommands: 20}, // ours
		}},
	{name: "ghost", about: "a session whose client hung up without logout counts for a while",
		numbers: "3 sessions, 60 s idle, ghosts for 60 s",
		source:  "ours",
		config: Config{
			MaxSessions: 3, IdleTimeout: 60 * time.Second, // ours
			Rules: Rules{GhostFor: 60 * time.Second}, // till the idle timeout, as registries do
		}},
	{name: "hostile", about: "every fault there is, some of the time",
		numbers: "3 sessions, 20 min idle, 24 h",
		source:  "ours",
		config:  Config{MaxSessions: 3, IdleTimeout: 20 * time.Minute, MaxAge: 24 * time.Hour}, // ours
		faults: "close-before:p=0.005;close-after:p=0.005;reset-before:p=0.005;reset:p=0.005;" +
			"half:p=0.005;stall:p=0.002;silent-before:p=0.002;silent:p=0.002;slow=3s:p=0.01;" +
			"wrong-cltrid:p=0.005;made-up-cltrid:p=0.005;odd-xml:p=0.005;no-cltrid:p=0.01;duplicate:p=0.005;unasked:p=0.005;" +
			"greeting:p=0.005;garbage:p=0.005;" +
			"bad-length:p=0.002;bad-length=3:p=0.002;bad-length=4294967295:p=0.002;huge:p=0.002;" +
			"2500-close:p=0.005;x5xx:p=0.005;x5xx=2500:p=0.005;2002:p=0.005;2201:p=0.005;" +
			"2502-command:p=0.01;close-after:p=0.01,cmd=login+logout+hello;" +
			"refuse-login=2502:p=0.05;refuse-login=2200:p=0.005;refuse-login=2501:p=0.005;" +
			"no-greeting:p=0.02;close-at-accept:p=0.05;goodbye:p=0.005;turn-away=2502:p=0.01"},
}

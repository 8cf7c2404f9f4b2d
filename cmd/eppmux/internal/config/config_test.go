package config

import (
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/proxy"
	"eppmux/ratelimit"
)

// parse reads text as the file c.yaml, which stands nowhere.
func parse(text string) (*Config, error) {
	return parseConfig("c.yaml", []byte(text), files{folder: "/nowhere"})
}

func TestDefaults(t *testing.T) {
	got, err := parse(clitest.SandboxYAML())
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Registries: []Registry{{
			Name:    "a",
			Listen:  []Listen{{Network: "tcp", Address: "127.0.0.1:7000"}},
			Address: "sandbox",
			TLS:     RegistryTLS{MinVersion: "1.2"},
			Sessions: Sessions{
				Min: 1, Max: 3, Keepalive: 4 * time.Minute, KeepaliveCommand: "hello", MaxAge: 23 * time.Hour,
			},
			Timeouts: Timeouts{
				Connect: 10 * time.Second, Login: 30 * time.Second, Command: time.Minute, Queue: 8 * time.Second, Greeting: 10 * time.Second,
			},
			RateLimits: []RateLimit{{
				Limit: ratelimit.Limit{N: 100, Per: time.Second, Burst: 10}, Scope: "registry", Commands: []LimitedCommand{{}},
			}},
			Clients: Clients{
				Max: 50000, MaxFrame: 262144, MaxAhead: 1048576, FrameTimeout: 30 * time.Second, Login: "accept", Services: proxy.ServicesAccept, Encodings: proxy.EncodingsAccept,
			},
			UnknownOutcome: proxy.UnknownClose,
			PollLease:      time.Minute,
			PollOthers:     "empty",
			Gateway:        true,
			CheckMax:       10,
			NameServers:    "objects",
		}},
		Admin:        Admin{Listen: "127.0.0.1:7001"},
		Log:          Log{Level: slog.LevelInfo, Format: "text"},
		State:        State{OnError: "warn"},
		Audit:        Audit{Commands: "transform", OnError: "warn", Rotate: Rotate{MaxSize: 100 << 20, Keep: 30}},
		DrainTimeout: 30 * time.Second,
		folder:       "/nowhere",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// defaultRegistry is a registry in which the file says nothing.
func defaultRegistry() (r Registry) {
	setDefaults(reflect.ValueOf(&r).Elem())
	return r
}

// TestEveryKey reads a file in which no key has its default.
func TestEveryKey(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	clitest.WriteFile(t, dir, "pw", "secret\n", 0o600)
	clitest.WriteFile(t, dir, "hash", knownHash+"\n", 0o600)
	clitest.WriteFile(t, dir, "token", TokenHash("epx_2")+"\n", 0o600)
	text, err := os.ReadFile("testdata/every-key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(clitest.WriteFile(t, dir, "c.yaml", string(text), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	r := got.Registries[0]
	if r.TLS.Roots == nil || r.TLS.Certificate == nil || r.Clients.TLS.Certificate == nil {
		t.Errorf("got %+v, want the certificates loaded", r)
	}
	hash, err := proxy.ParsePasswordHash(knownHash)
	if err != nil {
		t.Fatal(err)
	}
	r.TLS.Roots, r.TLS.Certificate, r.Clients.TLS.Certificate = nil, nil, nil
	want := Registry{
		Name: "registry-1",
		Listen: []Listen{
			{Network: "tcp", Address: "127.0.0.1:7000"},
			{Network: "tcp", Address: "0.0.0.0:7700", TLS: true},
			{Network: "unix", Address: "/run/eppmux/a.sock", Mode: 0o660},
			{Network: "unix", Address: "/run/eppmux/b.sock", Mode: 0o600, Group: "root", Weight: 7,
				Allow: []LimitedCommand{{Command: frame.CommandCheck}, {Command: frame.CommandTransfer, Op: frame.OpQuery}}},
		},
		Address:       "epp.registry.example:700",
		SourceAddress: netip.MustParseAddr("192.0.2.7"),
		TLS:           RegistryTLS{ServerName: "epp.example", CAFile: "a.pem", CertFile: "a.pem", KeyFile: "a.key", MinVersion: "1.3"},
		Login: Login{
			ClientID: "0042", Password: NewSecret("secret"), PasswordFile: "pw", Language: "de",
			ObjectURIs: []string{"urn:ietf:params:xml:ns:domain-1.0"}, ExtensionURIs: []string{"urn:ietf:params:xml:ns:secDNS-1.1"},
		},
		Sessions: Sessions{Min: 2, Max: 5, Keepalive: time.Minute, KeepaliveCommand: "poll", MaxAge: time.Hour, MaxCommands: 1000, EqualErrors: 3},
		Timeouts: Timeouts{Connect: time.Second, Login: 2 * time.Second, Command: 3 * time.Second, Queue: 4 * time.Second, Greeting: 5 * time.Second},
		RateLimits: []RateLimit{
			{Limit: ratelimit.Limit{N: 5, Per: time.Minute}, Scope: "session", Commands: []LimitedCommand{
				{Command: frame.CommandCheck}, {Command: frame.CommandTransfer, Op: frame.OpQuery}}},
			{Limit: ratelimit.Limit{N: 7, Per: time.Second, Burst: 2}, Scope: "client", Commands: []LimitedCommand{{}}, Shadow: true},
		},
		Clients: Clients{
			Max: 10, MaxFrame: 8192, MaxAhead: 8196, IdleTimeout: time.Hour, FrameTimeout: time.Minute, Login: "verify", Services: proxy.ServicesEnforce, Encodings: proxy.EncodingsRefuse,
			Users: []User{
				{ClientID: "web", PasswordHash: NewSecret(knownHash), hash: hash},
				{ClientID: "batch", PasswordHash: NewSecret(knownHash), PasswordHashFile: "hash", hash: hash},
			},
			AllowRemote: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
			TLS:         ClientsTLS{CertFile: "a.pem", KeyFile: "a.key"},
		},
		UnknownOutcome:  proxy.UnknownFail,
		Poll:            proxy.PollExclusive,
		PollLease:       2 * time.Minute,
		PollOthers:      "wait",
		QueryExtensions: []string{"urn:example:ns:look-1.0"},
		Profile:         "lv",
		Cluster:         Sharing{Off: true},
		Gateway:         true,
		Zones:           []string{"lv", "id.lv"},
		CheckMax:        25,
		NameServers:     NameServersAttributes,
		Reconcile:       true,
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if cl := got.Cluster; cl.Peer.Roots == nil || cl.Peer.Certificate == nil || cl.Etcd.Roots == nil || cl.Etcd.Certificate == nil {
		t.Errorf("got %+v, want the certificates loaded", cl)
	}
	cluster, gateway := got.Cluster.withoutLoaded(), *got.Gateway
	if gateway.TLS.Certificate == nil {
		t.Errorf("got %+v, want the certificate loaded", gateway.TLS)
	}
	gateway.TLS.Certificate = nil
	got.Registries, got.folder, got.Cluster, got.Gateway, got.Warnings = nil, "", &cluster, &gateway, nil
	rest := &Config{
		Gateway: &Gateway{
			Listen: []GatewayListen{
				{Network: "tcp", Address: "127.0.0.1:7080"},
				{Network: "tcp", Address: "192.0.2.1:7443", TLS: true},
				{Network: "unix", Address: "/run/eppmux/http.sock", Mode: 0o600, Group: "root"},
			},
			AllowRemote: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			TLS:         GatewayTLS{CertFile: "a.pem", KeyFile: "a.key"},
			Hosts:       []string{"shop.example"},
			Origins:     []string{"https://shop.example"},
			Users: []GatewayUser{{
				Name: "shop", PasswordHash: NewSecret(knownHash), TokenHash: NewSecret(TokenHash("epx_1")),
				Weight: 2, Registries: []string{"registry-1"}, Allow: []LimitedCommand{{Command: frame.CommandCheck}},
				hash: hash, token: sha256.Sum256([]byte("epx_1"))}, {
				Name: "batch@example", PasswordHash: NewSecret(knownHash), PasswordHashFile: "hash",
				TokenHash: NewSecret(TokenHash("epx_2")), TokenHashFile: "token", hash: hash, token: sha256.Sum256([]byte("epx_2"))}},
			MaxBody: 65536,
			Timeout: 30 * time.Second,
			Keys:    Keys{Keep: 48 * time.Hour},
			RPP:     RPP{Enabled: true, Codes: RPPCodesCore00, SetsStatus: true},
		},
		Cluster: &Cluster{
			Name: "prod", Host: "h", TTL: 20 * time.Second, Lanes: 3, YieldAfter: 3 * time.Second, MaxClockSkew: 4 * time.Second,
			Etcd: &Etcd{Endpoints: []string{"https://e:1"}, EngineAccess: EngineAccess{
				ServerName: "s", CAFile: "a.pem", CertFile: "a.pem", KeyFile: "a.key", User: "u", Password: NewSecret("secret"), PasswordFile: "pw"}},
			Peer: Peer{Listen: "127.0.0.1:7070", Advertise: "localhost:7070", CAFile: "a.pem", CertFile: "a.pem", KeyFile: "a.key"},
		},
		Admin: Admin{Listen: "[::1]:9000"}, Control: Control{Socket: "/tmp/eppmux.sock"}, State: State{Dir: dir, OnError: "block"}, Log: Log{Level: slog.LevelWarn, Format: "json"},
		Audit:        Audit{File: filepath.Join(dir, "audit.jsonl"), Commands: "all", Frames: true, OnError: "block", Rotate: Rotate{MaxSize: 65536, Keep: 7}},
		DrainTimeout: time.Minute,
	}
	if !reflect.DeepEqual(got, rest) {
		t.Errorf("got  %+v\nwant %+v", got, rest)
	}
}

// TestManyFaults holds the whole text against a golden file: all faults at once, in the order of
// the lines.
func TestManyFaults(t *testing.T) {
	const golden = "testdata/faults.golden"
	text, err := os.ReadFile("testdata/faults.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = parseConfig("faults.yaml", text, files{folder: "/nowhere"})
	if err == nil {
		t.Fatal("got no error")
	}
	got := err.Error() + "\n"
	if *clitest.Update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if strings.Contains(got, clitest.Canary) {
		t.Error("got a password in the faults")
	}
}

func TestListenString(t *testing.T) {
	for _, text := range []string{
		"tcp://127.0.0.1:7000",
		"tcp://[::1]:7000",
		"tls://0.0.0.0:7700",
		"unix:///run/eppmux/a.sock",
	} {
		got, err := readAs[Listen](t, text)
		if err != nil || got.String() != text {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
}

func TestListenAllows(t *testing.T) {
	all := Listen{}
	some := Listen{Allow: []LimitedCommand{
		{Command: frame.CommandCheck},
		{Command: frame.CommandTransfer, Op: frame.OpQuery},
	}}
	for _, tt := range []struct {
		l       Listen
		command frame.Command
		op      frame.Op
		want    bool
	}{
		{all, frame.CommandDelete, frame.OpNone, true},
		{all, frame.CommandTransfer, frame.OpRequest, true},
		{some, frame.CommandCheck, frame.OpNone, true},
		{some, frame.CommandTransfer, frame.OpQuery, true},
		{some, frame.CommandTransfer, frame.OpRequest, false},
		{some, frame.CommandDelete, frame.OpNone, false},
	} {
		if got := tt.l.Allows(tt.command, tt.op); got != tt.want {
			t.Errorf("%v allows %d/%d: got %v, want %v", tt.l.Allow, tt.command, tt.op, got, tt.want)
		}
	}
}

func TestListenMeets(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"tcp://127.0.0.1:7000", "tcp://127.0.0.1:7000", true},
		{"tcp://127.0.0.1:7000", "tls://127.0.0.1:7000", true},
		{"tcp://127.0.0.1:7000", "tcp://0.0.0.0:7000", true},
		{"tcp://127.0.0.1:7000", "tcp://127.0.0.1:7001", false},
		{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0", false},
		{"tcp://127.0.0.1:7000", "unix:///127.0.0.1:7000", false},
		{"unix:///a", "unix:///a", true},
		{"unix:///a", "unix:///b", false},
	} {
		a, err := readAs[Listen](t, tt.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := readAs[Listen](t, tt.b)
		if err != nil {
			t.Fatal(err)
		}
		if a.Meets(b) != tt.want || b.Meets(a) != tt.want {
			t.Errorf("%s, %s: got %v and %v, want %v", tt.a, tt.b, a.Meets(b), b.Meets(a), tt.want)
		}
	}
}

func TestLoginEPP(t *testing.T) {
	l := Login{
		ClientID:      "x",
		Password:      NewSecret(clitest.Canary),
		PasswordFile:  "pw",
		Language:      "de",
		ObjectURIs:    []string{"urn:a"},
		ExtensionURIs: []string{"urn:b"},
		Security:      frame.SecureAlways,
	}
	want := frame.Login{
		ClientID:      "x",
		Password:      clitest.Canary,
		Language:      "de",
		ObjectURIs:    []string{"urn:a"},
		ExtensionURIs: []string{"urn:b"},
		Security:      frame.SecureAlways,
	}
	if got := l.EPP(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestResolve(t *testing.T) {
	c := &Config{folder: "/etc/eppmux"}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	for path, want := range map[string]string{
		"a.pem":                        "/etc/eppmux/a.pem",
		"tls/../a.pem":                 "/etc/eppmux/a.pem",
		"/a.pem":                       "/a.pem",
		"$CREDENTIALS_DIRECTORY/a.pem": "/etc/eppmux/$CREDENTIALS_DIRECTORY/a.pem",
	} {
		if got := c.Resolve(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/credentials/eppmux")
	if got, want := c.Resolve("$CREDENTIALS_DIRECTORY/a.pem"), "/run/credentials/eppmux/a.pem"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLimitedCommandCovers(t *testing.T) {
	for _, tt := range []struct {
		entry   string
		command frame.Command
		op      frame.Op
		want    bool
	}{
		{"all", frame.CommandLogin, frame.OpNone, true},
		{"all", frame.CommandOther, frame.OpNone, true},
		{"check", frame.CommandCheck, frame.OpNone, true},
		{"check", frame.CommandInfo, frame.OpNone, false},
		{"transfer", frame.CommandTransfer, frame.OpQuery, true},
		{"transfer:query", frame.CommandTransfer, frame.OpQuery, true},
		{"transfer:query", frame.CommandTransfer, frame.OpRequest, false},
		{"poll:ack", frame.CommandPoll, frame.OpAck, true},
		{"poll:ack", frame.CommandPoll, frame.OpReq, false},
	} {
		l := RateLimit{Commands: []LimitedCommand{{Command: frame.CommandDelete}, commandNames[tt.entry]}}
		if got := l.Covers(tt.command, tt.op); got != tt.want {
			t.Errorf("%s covers %d/%d: got %v, want %v", tt.entry, tt.command, tt.op, got, tt.want)
		}
	}
}

func TestCommandNamesAreComplete(t *testing.T) {
	seen := map[frame.Command]bool{}
	for _, c := range commandNames {
		seen[c.Command] = true
	}
	if got := len(seen); got != frame.NumCommands {
		t.Errorf("got %d commands with a name, want all %d", got, frame.NumCommands)
	}
}

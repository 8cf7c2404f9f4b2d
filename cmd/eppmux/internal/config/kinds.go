package config

import (
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/frame"
	"eppmux/proxy"
)

// The kinds of single values: how each is written, and what it stands for.

// text reads a text as it is written, so that digits need no quotes.
func (r *reader) text(path string, n *yaml.Node, to *string) {
	if r.scalar(path, n, "a text") {
		*to = n.Value
	}
}

// readYAML implements yamlReader: a secret is a text that no fault repeats.
func (s *Secret) readYAML(r *reader, path string, n *yaml.Node) {
	if r.scalar(path, n, "a text") {
		*s = NewSecret(n.Value)
	}
}

func (r *reader) boolean(path string, n *yaml.Node, to *bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		r.add(path, "must be true or false")
		return
	}
	*to = strings.EqualFold(n.Value, "true")
}

// digits is how a number is written: YAML's other notations, octal among them, are more often a
// slip than meant.
var digits = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

func (r *reader) integer(path string, n *yaml.Node, to *int) {
	if !r.scalar(path, n, "a whole number") {
		return
	}
	i, err := strconv.Atoi(n.Value)
	if err != nil || !digits.MatchString(n.Value) || n.ShortTag() == "!!str" {
		r.add(path, "must be a whole number, got %s", cli.Quote(n.Value))
		return
	}
	*to = i
}

// longest is the longest duration in a config file: ten years. Whatever is added to it stays far
// below the longest time.Duration.
const longest = 10 * 365 * 24 * time.Hour

func (r *reader) duration(path string, n *yaml.Node, to *time.Duration) {
	if !r.scalar(path, n, "a duration such as 30s") {
		return
	}
	d, err := time.ParseDuration(n.Value)
	if err != nil {
		r.add(path, "must be a duration such as 30s, 4m or 1h30m, got %s", cli.Quote(n.Value))
		return
	}
	if d.Abs() > longest {
		r.add(path, "must be %s (ten years) at most, got %s", whole(longest), cli.Quote(n.Value))
		return
	}
	*to = d
}

// mode reads permissions as chmod takes them, in quotes or not.
func (r *reader) mode(path string, n *yaml.Node, to *fs.FileMode) {
	if !r.scalar(path, n, `permissions such as "0660"`) {
		return
	}
	m, err := strconv.ParseUint(n.Value, 8, 16)
	if err != nil || m == 0 || m > 0o777 {
		r.add(path, `must be permissions such as "0660", got %s`, cli.Quote(n.Value))
		return
	}
	*to = fs.FileMode(m)
}

// ip reads an IP address; an empty text is none.
func (r *reader) ip(path string, n *yaml.Node, to *netip.Addr) {
	var text string
	r.text(path, n, &text)
	if text == "" {
		return
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		r.add(path, "must be an IP address, got %s", cli.Quote(text))
		return
	}
	*to = a
}

func (r *reader) network(path string, n *yaml.Node, to *netip.Prefix) {
	if !r.scalar(path, n, "a network such as 192.0.2.0/24") {
		return
	}
	p, err := netip.ParsePrefix(n.Value)
	switch {
	case err != nil:
		r.add(path, "must be a network such as 192.0.2.0/24, got %s", cli.Quote(n.Value))
	case p != p.Masked():
		r.add(path, "has host bits set: %s is in the network %s", p.Addr(), p.Masked())
	default:
		*to = p
	}
}

// readYAML implements yamlReader: a listener is an address, or a mapping with the key address.
func (l *Listen) readYAML(r *reader, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		l.readKey(r, path, "address", n)
		return
	}
	r.mapping(path, n, reflect.ValueOf(l).Elem())
}

// readKey implements keyReader.
func (l *Listen) readKey(r *reader, path, key string, n *yaml.Node) bool {
	if key != "address" {
		return false
	}
	l.Network, l.Address, l.TLS = r.listener(path, n)
	return true
}

// listener reads the address of a listener. network is empty where there is none, and after a fault.
func (r *reader) listener(path string, n *yaml.Node) (network, address string, tls bool) {
	var text string
	r.text(path, n, &text)
	scheme, rest, _ := strings.Cut(text, "://")
	switch {
	case text == "":
	case scheme == "unix":
		return "unix", rest, false
	case scheme == "tcp" || scheme == "tls":
		return "tcp", rest, scheme == "tls"
	default:
		r.add(path, "must be tcp://host:port, tls://host:port or unix:///path, got %s", cli.Quote(text))
	}
	return "", "", false
}

// readYAML implements yamlReader, as that of Listen.
func (l *GatewayListen) readYAML(r *reader, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		l.readKey(r, path, "address", n)
		return
	}
	r.mapping(path, n, reflect.ValueOf(l).Elem())
}

// readKey implements keyReader.
func (l *GatewayListen) readKey(r *reader, path, key string, n *yaml.Node) bool {
	if key != "address" {
		return false
	}
	l.Network, l.Address, l.TLS = r.listener(path, n)
	return true
}

// readYAML implements yamlReader: what the file leaves out is filled in by the profile.
func (r *Registry) readYAML(rd *reader, path string, n *yaml.Node) {
	rd.mapping(path, n, reflect.ValueOf(r).Elem())
	if p := ProfileOf(r.Profile); p != nil {
		p.fill(r, func(key string) bool { return rd.given(join(path, key)) })
	}
}

// readKey implements keyReader.
func (r *Registry) readKey(rd *reader, path, key string, n *yaml.Node) bool {
	if key != "profile" {
		return false
	}
	// A name that is refused still fills in what it can, so that no rule fails because of it.
	r.Profile = n.Value
	if rd.scalar(path, n, "a text") && r.Profile != "" && ProfileOf(r.Profile) == nil {
		known := profileNames()
		rd.add(path, "no such profile: %s%s; known are %s", cli.Quote(r.Profile), suggest(r.Profile, known),
			strings.Join(known, ", "))
	}
	return true
}

// readYAML implements yamlReader: the word off, or a mapping.
func (s *Sharing) readYAML(r *reader, path string, n *yaml.Node) {
	switch {
	case n.Kind == yaml.MappingNode:
		r.mapping(path, n, reflect.ValueOf(s).Elem())
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Value == "off":
		s.Off = true
	default:
		r.add(path, "must be off, or a mapping such as {prefer: [a, b]}, got %s", kind(n))
	}
}

// A word is one of a closed set: how the file writes it, and the value that it stands for.
type word struct {
	text  string
	value any
}

// closedSets has the words of each type that has a closed set of them.
var closedSets = map[reflect.Type][]word{
	reflect.TypeFor[TLSVersion]():       wordsOf(TLS12, TLS13),
	reflect.TypeFor[KeepaliveCommand](): wordsOf(KeepaliveHello, KeepalivePoll, KeepaliveNone),
	reflect.TypeFor[Scope]():            wordsOf(ScopeRegistry, ScopeSession, ScopeClient),
	reflect.TypeFor[LoginPolicy]():      wordsOf(LoginAccept, LoginVerify),
	reflect.TypeFor[LogFormat]():        wordsOf(LogText, LogJSON),
	reflect.TypeFor[AuditCommands]():    wordsOf(AuditTransform, AuditAll),
	reflect.TypeFor[AuditOnError]():     wordsOf(AuditWarn, AuditBlock),
	reflect.TypeFor[PollOthers]():       wordsOf(PollOthersEmpty, PollOthersWait),
	reflect.TypeFor[StateOnError]():     wordsOf(StateWarn, StateBlock),
	reflect.TypeFor[RPPCodes]():         wordsOf(RPPCodesCore, RPPCodesCore00),
	reflect.TypeFor[NameServers]():      wordsOf(NameServersObjects, NameServersAttributes),

	reflect.TypeFor[proxy.Services]():       {{"accept", proxy.ServicesAccept}, {"enforce", proxy.ServicesEnforce}},
	reflect.TypeFor[proxy.Encodings]():      {{"accept", proxy.EncodingsAccept}, {"refuse", proxy.EncodingsRefuse}},
	reflect.TypeFor[proxy.UnknownOutcome](): {{"close", proxy.UnknownClose}, {"fail", proxy.UnknownFail}},
	reflect.TypeFor[proxy.PollPolicy]():     {{"shared", proxy.PollShared}, {"exclusive", proxy.PollExclusive}},
	reflect.TypeFor[frame.LoginSecurity](): {
		{"auto", frame.SecureLong}, {"always", frame.SecureAlways}, {"never", frame.SecureNever},
	},
	reflect.TypeFor[slog.Level](): {
		{"debug", slog.LevelDebug}, {"info", slog.LevelInfo}, {"warn", slog.LevelWarn}, {"error", slog.LevelError},
	},
}

// wordsOf is for values that are written as they are.
func wordsOf[T ~string](values ...T) []word {
	var words []word
	for _, v := range values {
		words = append(words, word{string(v), v})
	}
	return words
}

// word reads one of a closed set.
func (r *reader) word(path string, n *yaml.Node, v reflect.Value) {
	var allowed []string
	words := closedSets[v.Type()]
	for _, w := range words {
		allowed = append(allowed, w.text)
	}
	want := cli.Either(allowed)
	if !r.scalar(path, n, want) {
		return
	}
	i := slices.Index(allowed, n.Value)
	if i < 0 {
		r.add(path, "must be %s, got %s%s", want, cli.Quote(n.Value), suggest(n.Value, allowed))
		return
	}
	v.Set(reflect.ValueOf(words[i].value))
}

// commandNames are the words of rate_limits.commands and listen.allow.
var commandNames = map[string]LimitedCommand{
	"all":              {},
	"check":            {Command: frame.CommandCheck},
	"create":           {Command: frame.CommandCreate},
	"delete":           {Command: frame.CommandDelete},
	"hello":            {Command: frame.CommandHello},
	"info":             {Command: frame.CommandInfo},
	"login":            {Command: frame.CommandLogin},
	"logout":           {Command: frame.CommandLogout},
	"poll":             {Command: frame.CommandPoll},
	"poll:req":         {Command: frame.CommandPoll, Op: frame.OpReq},
	"poll:ack":         {Command: frame.CommandPoll, Op: frame.OpAck},
	"renew":            {Command: frame.CommandRenew},
	"transfer":         {Command: frame.CommandTransfer},
	"transfer:request": {Command: frame.CommandTransfer, Op: frame.OpRequest},
	"transfer:query":   {Command: frame.CommandTransfer, Op: frame.OpQuery},
	"transfer:approve": {Command: frame.CommandTransfer, Op: frame.OpApprove},
	"transfer:reject":  {Command: frame.CommandTransfer, Op: frame.OpReject},
	"transfer:cancel":  {Command: frame.CommandTransfer, Op: frame.OpCancel},
	"update":           {Command: frame.CommandUpdate},
	"extension":        {Command: frame.CommandExtension},
	"other":            {Command: frame.CommandOther},
}

// String returns the word of the file for l.
func (l LimitedCommand) String() string {
	for name, of := range commandNames {
		if of == l {
			return name
		}
	}
	return l.Command.String()
}

// readYAML implements yamlReader.
func (l *LimitedCommand) readYAML(r *reader, path string, n *yaml.Node) {
	if !r.scalar(path, n, "the name of a command") {
		return
	}
	c, ok := commandNames[n.Value]
	if !ok {
		known := slices.Sorted(maps.Keys(commandNames))
		hint := suggest(n.Value, known)
		if hint == "" {
			hint = "; known are " + strings.Join(known, ", ")
		}
		r.add(path, "no such command: %s%s", cli.Quote(n.Value), hint)
		return
	}
	*l = c
}

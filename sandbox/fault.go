package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong on cue: what, and when. All conditions must hold for it to be
// played, and of several faults that could be played on one message the first is. Faults are
// counted in Counters.Faults.
type Fault struct {
	Kind FaultKind
	// of RefuseLogin: 2200, 2501 or 2502; of X5xx: 0 means the true code with 5 as its second digit
	Code  int
	Delay time.Duration // of Slow and Unasked
	Size  uint32        // of BadLength and Huge: what the header announces, in octets

	// Commands are the commands it is for, by name, and "hello"; "query" are check, info, poll and
	// the query of a transfer, "transform" is every other command but login and logout, "any" is
	// everything. None means query and transform. Faults at connecting and RefuseLogin take none.
	Commands []string
	P        float64 // probability; 0 means 1
	Every    int     // the nth, 2nth and so on of those it is for; 0 means each
	First    int     // so many times at most; 0 means no end
}

// FaultKind is what goes wrong.
type FaultKind uint8

// Of a fault with "not carried out" the store never sees the command.
const (
	FaultNone    FaultKind = iota
	CloseBefore            // closes without an answer, not carried out
	CloseAfter             // closes without an answer, carried out
	ResetBefore            // as CloseBefore, by TCP reset
	Reset                  // as CloseAfter, by TCP reset
	Half                   // half of the answer, then closes
	Stall                  // half of the answer, then never a word
	SilentBefore           // no answer, not carried out; the session goes on
	Silent                 // no answer, carried out; the session goes on
	Slow                   // the answer takes Delay longer
	WrongClTRID            // the answer has another clTRID
	NoClTRID               // the answer has no clTRID
	Duplicate              // the answer comes twice
	// when the session was idle for Delay, one more answer comes, with the clTRID of the last
	Unasked
	Greeting      // a greeting in place of the answer
	Garbage       // a data unit that is not XML
	BadLength     // the answer under a header that announces Size octets
	Huge          // a header that announces Size octets, and so many, slowly
	CloseWith2500 // answers 2500 and closes, not carried out
	X5xx          // the code of the answer is replaced, then closes
	LostLogin     // from now on 2002 "not logged in" but to hello
	LostSession   // from now on 2201 "Session timeout" until a new login; the slot is free
	Throttle      // answers 2502, not carried out, stays open
	RefuseLogin   // answers a login with Code; 2501 and 2502 close
	NoGreeting    // never says a word
	CloseAtAccept // closes before the TLS handshake
)

// stage is when a fault is decided on.
type stage uint8

const (
	stageAccept stage = iota
	stageLogin
	stageCommand
)

// argument is what may follow the name of a fault.
type argument uint8

const (
	argNone argument = iota
	argDelay
	argSize
	argCode
	argLoginCode
)

// faultKind is a row of the table of faults.
type faultKind struct {
	name  string
	stage stage
	arg   argument
	delay time.Duration // of argDelay when none is given; 0: one must be
	size  uint32        // of argSize when none is given
	about string
}

// faultKinds is indexed by FaultKind.
var faultKinds = [...]faultKind{
	CloseBefore:   {name: "close-before", stage: stageCommand, about: "close without an answer, command not carried out"},
	CloseAfter:    {name: "close-after", stage: stageCommand, about: "carry out, then close without an answer"},
	ResetBefore:   {name: "reset-before", stage: stageCommand, about: "TCP reset, command not carried out"},
	Reset:         {name: "reset", stage: stageCommand, about: "carry out, then TCP reset"},
	Half:          {name: "half", stage: stageCommand, about: "half of the answer, then close"},
	Stall:         {name: "stall", stage: stageCommand, about: "half of the answer, then silence for good"},
	SilentBefore:  {name: "silent-before", stage: stageCommand, about: "no answer, command not carried out"},
	Silent:        {name: "silent", stage: stageCommand, about: "no answer, command carried out"},
	Slow:          {name: "slow", stage: stageCommand, arg: argDelay, about: "answer that much later"},
	WrongClTRID:   {name: "wrong-cltrid", stage: stageCommand, about: "answer with another clTRID"},
	NoClTRID:      {name: "no-cltrid", stage: stageCommand, about: "answer without clTRID"},
	Duplicate:     {name: "duplicate", stage: stageCommand, about: "answer twice"},
	Unasked:       {name: "unasked", stage: stageCommand, arg: argDelay, delay: 100 * time.Millisecond, about: "one more answer when idle for that long"},
	Greeting:      {name: "greeting", stage: stageCommand, about: "a greeting in place of the answer"},
	Garbage:       {name: "garbage", stage: stageCommand, about: "not XML in place of the answer"},
	BadLength:     {name: "bad-length", stage: stageCommand, arg: argSize, about: "a header that announces so many octets"},
	Huge:          {name: "huge", stage: stageCommand, arg: argSize, size: 8 << 20, about: "announce so many octets and send them slowly"},
	CloseWith2500: {name: "2500-close", stage: stageCommand, about: "answer 2500 and close, command not carried out"},
	X5xx:          {name: "x5xx", stage: stageCommand, arg: argCode, about: "carry out, answer that code (or 1500 for 1000 and so on), close"},
	LostLogin:     {name: "2002", stage: stageCommand, about: "from now on answer 2002 to all but hello"},
	LostSession:   {name: "2201", stage: stageCommand, about: "from now on answer 2201 until a new login"},
	Throttle:      {name: "2502-command", stage: stageCommand, about: "answer 2502, stay open, command not carried out"},
	RefuseLogin:   {name: "refuse-login", stage: stageLogin, arg: argLoginCode, about: "answer a login 2200, 2501 or 2502"},
	NoGreeting:    {name: "no-greeting", stage: stageAccept, about: "accept, then silence for good"},
	CloseAtAccept: {name: "close-at-accept", stage: stageAccept, about: "close before the TLS handshake"},
}

func (k FaultKind) String() string { return faultKinds[k].name }

// FaultKinds lists the faults there are, each with one line about it.
func FaultKinds() []About {
	var out []About
	for _, k := range faultKinds[1:] {
		out = append(out, About{k.name + k.arg.shown(), k.about})
	}
	return out
}

// About is a name and one line about it.
type About struct{ Name, About string }

func (a argument) shown() string { return [...]string{"", "=DURATION", "=OCTETS", "=CODE", "=CODE"}[a] }

// kinds of messages that Commands may name.
var faultCommands = []string{"check", "create", "delete", "extension", "hello", "info", "login", "logout", "poll", "renew",
	"transfer", "update", "query", "transform", "any"}

// isFor says whether a fault of stageCommand is for a message.
func (f *Fault) isFor(req *request) bool {
	name := req.name()
	class := "transform"
	switch name {
	case "hello", "login", "logout":
		class = ""
	case "check", "info", "poll":
		class = "query"
	case "transfer":
		if req.op == "query" {
			class = "query"
		}
	}
	if len(f.Commands) == 0 {
		return class != ""
	}
	return slices.ContainsFunc(f.Commands, func(c string) bool { return c == name || c == class || c == "any" })
}

// String is the fault as ParseFaults reads it.
func (f Fault) String() string {
	k := &faultKinds[f.Kind]
	out := k.name
	switch {
	case k.arg == argDelay:
		out += "=" + f.Delay.String()
	case k.arg == argSize:
		out += "=" + strconv.FormatUint(uint64(f.Size), 10)
	case f.Code != 0:
		out += "=" + strconv.Itoa(f.Code)
	}
	var when []string
	if f.P != 0 {
		when = append(when, "p="+strconv.FormatFloat(f.P, 'g', -1, 64))
	}
	if f.Every != 0 {
		when = append(when, "every="+strconv.Itoa(f.Every))
	}
	if f.First != 0 {
		when = append(when, "first="+strconv.Itoa(f.First))
	}
	if len(f.Commands) > 0 {
		when = append(when, "cmd="+strings.Join(f.Commands, "+"))
	}
	if len(when) > 0 {
		out += ":" + strings.Join(when, ",")
	}
	return out
}

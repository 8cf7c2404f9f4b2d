package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault goes wrong on cue: Kind says what, Commands to First say when. It is played on a message if
// all its conditions hold. Of several such faults the first is played. Counters.Faults counts them.
type Fault struct {
	Kind FaultKind
	// Code is for RefuseLogin and TurnAway: 2200, 2501 or 2502. It is also for Goodbye, where 0
	// means 2500, and X5xx, where 0 means the true code with 5 as its second digit.
	Code  int
	Delay time.Duration // for Slow and Unasked
	Size  uint32        // for BadLength and Huge: the length that the header announces, in octets

	// Commands names the commands that the fault is for, and "hello". "query" stands for check,
	// info, poll and the query of a transfer, "transform" for all other commands except login and
	// logout, "any" for every message. Empty means query and transform. RefuseLogin and faults of
	// connections take none.
	Commands []string
	P        float64 // probability; 0 means 1
	Every    int     // play on each nth of the messages that the fault is for; 0 means on each
	First    int     // play so many times at most; 0 means no limit
}

// FaultKind says what goes wrong.
type FaultKind uint8

// The kinds of faults. "Not carried out" means that the store never sees the command.
const (
	FaultNone     FaultKind = iota
	CloseBefore             // closes without an answer, not carried out
	CloseAfter              // closes without an answer, carried out
	ResetBefore             // as CloseBefore, by TCP reset
	Reset                   // as CloseAfter, by TCP reset
	Half                    // half of the answer, then closes
	Stall                   // half of the answer, then never another octet
	SilentBefore            // no answer, not carried out; the session goes on
	Silent                  // no answer, carried out; the session goes on
	Slow                    // the answer comes Delay later
	WrongClTRID             // the answer has the clTRID of another command, in the form of its own
	MadeUpClTRID            // the answer has a clTRID that no command had
	NoClTRID                // the answer has no clTRID
	Duplicate               // the answer comes twice
	Unasked                 // one more answer with the same clTRID once the session is idle for Delay
	Greeting                // a greeting in place of the answer
	Garbage                 // a data unit that is not XML
	OddXML                  // a form feed in the words of the answer, which XML does not have
	BadLength               // the answer under a header that announces Size octets
	Huge                    // a header that announces Size octets, then so many, slowly
	CloseWith2500           // answers 2500 and closes, not carried out
	X5xx                    // replaces the code of the answer, then closes
	LostLogin               // answers 2002 "not logged in" from now on, except to hello
	LostSession             // answers 2201 "Session timeout" until a new login; the slot is free
	Throttle                // answers 2502, not carried out, stays open
	RefuseLogin             // answers a login with Code; 2501 and 2502 close
	NoGreeting              // never sends an octet
	CloseAtAccept           // closes before the TLS handshake
	Goodbye                 // when idle: a response that answers nothing, then closes
	TurnAway                // a response with Code in place of the greeting, then closes
)

// stage says on which occasion a fault is decided.
type stage uint8

const (
	stageAccept stage = iota
	stageLogin
	stageCommand
)

// argument is the kind of value that may follow the name of a fault.
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
	delay time.Duration // default for argDelay; 0: there is none, the text must give one
	size  uint32        // default for argSize, in octets
	about string        // one line for FaultKinds
}

// faultKinds is indexed by FaultKind.
var faultKinds = [...]faultKind{
	CloseBefore: {
		name: "close-before", stage: stageCommand,
		about: "close without an answer, command not carried out",
	},
	CloseAfter:   {name: "close-after", stage: stageCommand, about: "carry out, then close without an answer"},
	ResetBefore:  {name: "reset-before", stage: stageCommand, about: "TCP reset, command not carried out"},
	Reset:        {name: "reset", stage: stageCommand, about: "carry out, then TCP reset"},
	Half:         {name: "half", stage: stageCommand, about: "half of the answer, then close"},
	Stall:        {name: "stall", stage: stageCommand, about: "half of the answer, then silence for good"},
	SilentBefore: {name: "silent-before", stage: stageCommand, about: "no answer, command not carried out"},
	Silent:       {name: "silent", stage: stageCommand, about: "no answer, command carried out"},
	Slow:         {name: "slow", stage: stageCommand, arg: argDelay, about: "answer that much later"},
	WrongClTRID:  {name: "wrong-cltrid", stage: stageCommand, about: "answer with another command's clTRID"},
	MadeUpClTRID: {name: "made-up-cltrid", stage: stageCommand, about: "answer with a clTRID of nobody"},
	NoClTRID:     {name: "no-cltrid", stage: stageCommand, about: "answer without clTRID"},
	Duplicate:    {name: "duplicate", stage: stageCommand, about: "answer twice"},
	Unasked: {
		name: "unasked", stage: stageCommand, arg: argDelay, delay: 100 * time.Millisecond,
		about: "one more answer when idle for that long",
	},
	Greeting: {name: "greeting", stage: stageCommand, about: "a greeting in place of the answer"},
	Garbage:  {name: "garbage", stage: stageCommand, about: "not XML in place of the answer"},
	OddXML:   {name: "odd-xml", stage: stageCommand, about: "a form feed in the words of the answer"},
	BadLength: {
		name: "bad-length", stage: stageCommand, arg: argSize,
		about: "a header that announces so many octets",
	},
	Huge: {
		name: "huge", stage: stageCommand, arg: argSize, size: 8 << 20,
		about: "announce so many octets and send them slowly",
	},
	CloseWith2500: {
		name: "2500-close", stage: stageCommand,
		about: "answer 2500 and close, command not carried out",
	},
	X5xx: {
		name: "x5xx", stage: stageCommand, arg: argCode,
		about: "carry out, answer that code (or 1500 for 1000 and so on), close",
	},
	LostLogin:   {name: "2002", stage: stageCommand, about: "from now on answer 2002 to all but hello"},
	LostSession: {name: "2201", stage: stageCommand, about: "from now on answer 2201 until a new login"},
	Throttle: {
		name: "2502-command", stage: stageCommand,
		about: "answer 2502, stay open, command not carried out",
	},
	RefuseLogin: {
		name: "refuse-login", stage: stageLogin, arg: argLoginCode,
		about: "answer a login 2200, 2501 or 2502",
	},
	Goodbye: {
		name: "goodbye", stage: stageCommand, arg: argCode,
		about: "when idle, an answer to nothing with that code (or 2500), then close",
	},
	TurnAway: {
		name: "turn-away", stage: stageAccept, arg: argLoginCode,
		about: "2200, 2501 or 2502 in place of the greeting, then close",
	},
	NoGreeting:    {name: "no-greeting", stage: stageAccept, about: "accept, then silence for good"},
	CloseAtAccept: {name: "close-at-accept", stage: stageAccept, about: "close before the TLS handshake"},
}

func (k FaultKind) String() string { return faultKinds[k].name }

// FaultKinds lists all faults, each with one line about it.
func FaultKinds() []About {
	var out []About
	for _, k := range faultKinds[1:] {
		out = append(out, About{k.name + k.arg.shown(), k.about})
	}
	return out
}

// About is a name and one line about it.
type About struct{ Name, About string }

// shown returns the argument as a usage text shows it.
func (a argument) shown() string { return [...]string{"", "=DURATION", "=OCTETS", "=CODE", "=CODE"}[a] }

// faultCommands are the names that Fault.Commands may hold.
var faultCommands = []string{
	"check", "create", "delete", "extension", "hello", "info", "login", "logout", "poll", "renew",
	"transfer", "update", "query", "transform", "any",
}

// isFor reports whether Commands names a message.
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

// String returns the fault in the form that ParseFaults reads.
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

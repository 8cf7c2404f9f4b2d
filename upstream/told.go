package upstream

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Answers that name a time: "too many sessions, try again in 30 seconds".

const (
	toldNumber = `(\d{1,4})\s?(s|secs?|seconds?|sek|sekunden?|secondes?|m|mins?|minutes?|minuten?)\b`
	toldVerb   = `(?:again|retry|wait|erneut|warten|réessay\pL*|attend\pL*)`
)

// toldToWait matches words that name a time to wait, in lower case: with the verb before the time or
// behind it, in English, German or French.
var toldToWait = regexp.MustCompile(toldVerb + `[^\d.]{0,30}` + toldNumber + `|` +
	toldNumber + `[^\d.]{0,15}` + toldVerb)

// waitNamed returns how long the registry's words ask to wait; 0: they name no time. command is the
// payload of the client's command that was answered: words that it holds do not count. Nil for one of
// our own.
func waitNamed(words string, command []byte) time.Duration {
	m := toldToWait.FindStringSubmatch(strings.ToLower(words))
	if m == nil || holds(command, m[0]) {
		return 0
	}
	number, unit := m[1]+m[3], m[2]+m[4]
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	if unit[0] == 'm' {
		return time.Duration(n) * time.Minute
	}
	return time.Duration(n) * time.Second
}

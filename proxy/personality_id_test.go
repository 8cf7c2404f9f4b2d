package proxy

import (
	"fmt"
	"time"
)

// idStyle is how a client makes its clTRIDs.
type idStyle struct {
	words string
	// next is the clTRID of a connection's nth command, from 1, which has the given name; empty:
	// none. tag tells the client from others.
	next func(tag string, n int, verb string) string
}

// The styles. Ids of a style with a clock or a counter that starts again are the same in several
// sessions.
var (
	idNone      = idStyle{"no clTRID", func(string, int, string) string { return "" }}
	idNotAtEnds = idStyle{"no clTRID on login and logout", func(tag string, n int, verb string) string {
		if verb == "login" || verb == "logout" {
			return ""
		}
		return fmt.Sprintf("0f3c5a6e-77d1-4b0e-9a54-%s%06d", tag, n)
	}}
	idHex40    = idStyle{"clTRID of 40 hexadecimal digits", func(_ string, n int, _ string) string { return hexID(n, 40) }}
	idHex13    = idStyle{"clTRID of 13 hexadecimal digits", func(_ string, n int, _ string) string { return hexID(n, 13) }}
	idHashTime = idStyle{"clTRID with `#` and `:`", func(_ string, n int, _ string) string {
		return fmt.Sprintf("rwym%03d#%s", n, time.Now().Format("2006-01-02T15:04:05"))
	}}
	idRestarts = idStyle{"clTRID that starts again in every connection", func(_ string, n int, _ string) string {
		return fmt.Sprintf("ClientX-20261121%06d", n)
	}}
	idFixed  = idStyle{"one clTRID for all commands", func(string, int, string) string { return "from-a-file" }}
	idSecond = idStyle{"clTRID by the second", func(_ string, n int, _ string) string {
		return fmt.Sprintf("ClientX.%d.%d", time.Now().Unix(), n)
	}}
	idMillis = idStyle{"clTRID by the millisecond", func(_ string, n int, _ string) string {
		return fmt.Sprintf("tx-%d-%d", time.Now().UnixMilli(), n)
	}}
	idMicros = idStyle{"clTRID of client, process and microsecond", func(tag string, n int, _ string) string {
		return fmt.Sprintf("REGISTRY::COM_NET-%s-%016d", tag, time.Now().UnixMicro()+int64(n))
	}}
	idCounted = idStyle{"clTRID with a counter", func(tag string, n int, _ string) string {
		return fmt.Sprintf("test-%s-%d", tag, n)
	}}
)

// hexID is a number as so many hexadecimal digits, none of them special.
func hexID(n, digits int) string {
	return fmt.Sprintf("%0*x", digits, uint64(time.Now().UnixNano())<<8+uint64(n))[:digits]
}

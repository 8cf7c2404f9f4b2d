package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"eppmux/gateway/carry"
)

// maxWait is the longest time that a client may prefer to wait.
const maxWait = 10 * time.Minute

func itoa(n int) string { return strconv.Itoa(n) }

// requestID is the id of a request: the client's where that can be the clTRID of a command, or a random one.
func requestID(r *http.Request) (id string, given bool) {
	all := r.Header.Values("X-Request-Id")
	if len(all) == 1 && fitID(all[0]) {
		return all[0], true
	}
	return "gw-" + rand.Text()[:20], false
}

// fitID reports whether a clTRID can be id, as it is, in every registry's log: RFC 5730 section 4, trIDStringType,
// in ASCII without what XML escapes.
func fitID(id string) bool {
	if len(id) < 3 || len(id) > 64 {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '&' || r == '>' })
}

// preferredWait is the wait that a request prefers (RFC 7240 section 4.3); ok is false where it says none. Other
// preferences are passed over, as section 2 wants.
func preferredWait(h http.Header) (wait time.Duration, ok bool, err error) {
	for _, header := range h.Values("Prefer") {
		for one := range strings.SplitSeq(header, ",") {
			one, _, _ = strings.Cut(one, ";")
			name, value, _ := strings.Cut(one, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") || ok {
				continue // of several, the first counts
			}
			n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if err != nil || n == 0 {
				return 0, false, errors.New("wait must be a number of seconds, from 1")
			}
			wait, ok = time.Duration(n)*time.Second, true
		}
	}
	return wait, ok, nil
}

// errKey says what an Idempotency-Key may be.
var errKey = errors.New("must be one string of 1 to 255 visible ASCII characters")

// idempotencyKey is the key of a request for a transform; nil: it has none. The draft
// draft-ietf-httpapi-idempotency-key-header section 2.1 wants a string of RFC 9651 section 3.3.3, in quotes; many
// clients leave the quotes out, and mean the same key.
func idempotencyKey(r *http.Request, body []byte) (*carry.Key, *Problem) {
	all := r.Header.Values("Idempotency-Key")
	if len(all) == 0 {
		return nil, nil
	}
	name := strings.TrimSpace(all[0])
	if quoted, ok := strings.CutPrefix(name, `"`); ok {
		quoted, ok = strings.CutSuffix(quoted, `"`)
		if name = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(quoted); !ok {
			name = ""
		}
	} else if strings.ContainsAny(name, `",`) {
		name = ""
	}
	strange := strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' })
	if len(all) > 1 || name == "" || len(name) > 255 || strange {
		return nil, wrong(Wrong{"header.Idempotency-Key", errKey.Error()})
	}
	sum := sha256.New()
	for _, part := range []string{r.Method, r.URL.EscapedPath()} {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	sum.Write(body)
	key := &carry.Key{Name: name}
	sum.Sum(key.Digest[:0])
	return key, nil
}

// wantType refuses a body of another type than those given, or in another encoding than UTF-8.
func wantType(r *http.Request, types ...string) *Problem {
	want := strings.Join(types, " or ")
	all := r.Header.Values("Content-Type")
	if len(all) != 1 {
		return mediaType.problem("want " + want)
	}
	t, params, err := mime.ParseMediaType(all[0])
	if err != nil || !slices.Contains(types, t) {
		return mediaType.problem("want " + want)
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return mediaType.problem("no Content-Encoding is read")
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return mediaType.problem("want " + want + ", with no parameter but charset=utf-8")
		}
	}
	return nil
}

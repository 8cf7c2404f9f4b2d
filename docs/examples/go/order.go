// Order checks, registers and renews domains through the HTTP gateway of eppmux.
//
//	order check NAME...              says which names are free
//	order create NAME KEY            registers NAME for a year
//	order renew NAME EXPIRES KEY     renews NAME, which expires on the date EXPIRES, for a year
//
// KEY is the id of your order. Write it down before the first try, with NAME and EXPIRES: whatever happens to this
// program, it can then be run again with the same words, and the registry does it once.
//
// Exit codes: 0 it is done; 1 it was refused, and nothing was done; 2 nobody knows: a person must look at the
// registry before anything else is sent; 3 it was not sent: run it again later, with the same KEY.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

var (
	base     = cmp.Or(os.Getenv("EPPMUX_URL"), "http://127.0.0.1:7080")
	token    = os.Getenv("EPPMUX_TOKEN")
	registry = cmp.Or(os.Getenv("EPPMUX_REGISTRY"), "sandbox")
)

const (
	tries = 4
	// wait is how long the gateway waits for the registry. We wait longer, so that it can tell what happened.
	wait = 30 * time.Second
)

// The client waits for whole answers; a check of many names needs no more time.
var client = &http.Client{Timeout: wait + 10*time.Second}

// send sends a request. header has pairs of a name and a value.
func send(path string, body any, header ...string) (*http.Response, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, base+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return client.Do(req)
}

// check prints which names are free, and returns the exit code.
func check(names []string) int {
	res, err := send("/v1/check", map[string]any{"registry": registry, "names": names}, "Accept", "application/x-ndjson")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	defer res.Body.Close()
	left := len(names)
	// One line for each name, as it comes, in any order.
	for lines := json.NewDecoder(res.Body); ; left-- {
		var a struct {
			Name      string
			Available bool
			Problem   *struct{ Kind string }
			Detail    string // of a problem with the request itself
		}
		err := lines.Decode(&a)
		switch {
		case errors.Is(err, io.EOF) && left == 0:
			return 0
		case err != nil: // it broke off: a check may always be repeated
			fmt.Fprintln(os.Stderr, left, "names have no answer:", err)
			return 3
		case res.StatusCode != http.StatusOK:
			fmt.Fprintln(os.Stderr, a.Detail)
			return 1
		case a.Problem != nil:
			fmt.Println(a.Name, "problem:", a.Problem.Kind)
		case a.Available:
			fmt.Println(a.Name, "free")
		default:
			fmt.Println(a.Name, "taken")
		}
	}
}

// answer is that to a change: a reply, or a problem.
type answer struct {
	Outcome    string
	Code       int
	Detail     string
	RetryAfter int // seconds
	Data       struct{ ExDate string }
}

// word is what became of a change.
func (a *answer) word() string {
	switch {
	case a.Outcome == "answered" && a.Code >= 2000:
		return "failed"
	case a.Outcome == "answered" && a.Code > 0:
		return "done"
	case a.Outcome == "not_sent" || a.RetryAfter > 0:
		return "later"
	case a.Outcome == "refused":
		return "refused"
	}
	return "unknown"
}

// once sends a change. Without an answer of the gateway it may have been carried out: that is unknown, too.
func once(path string, body any, key string) (a answer) {
	res, err := send(path, body, "Idempotency-Key", key, "Prefer", fmt.Sprintf("wait=%.0f", wait.Seconds()))
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	if json.NewDecoder(res.Body).Decode(&a) != nil {
		return answer{}
	}
	return a
}

// change repeats a change until it is known what became of it, and returns the exit code. The repeats have the same
// key and the same body: by them the gateway knows that they are one order. A new key would be a new order, and could
// be a second one.
func change(path, name, key string, body any) int {
	unknown := false // an earlier try may have been carried out
	for n := range tries {
		a := once(path, body, key)
		switch word := a.word(); {
		case word == "done":
			// Code 1001: the registry has taken it, and is still at it.
			fmt.Println(name, "is done, until", cmp.Or(a.Data.ExDate, "the date that the registry tells later"))
			return 0
		case word == "failed", word == "refused" && !unknown:
			fmt.Fprintln(os.Stderr, name, "was refused:", a.Detail)
			return 1
		case word == "unknown":
			unknown = true
		}
		if n == tries-1 && !unknown {
			fmt.Fprintln(os.Stderr, name, "was not sent:", a.Detail)
			return 3
		} else if n < tries-1 {
			time.Sleep(time.Duration(cmp.Or(a.RetryAfter, 1<<n)) * time.Second) // Retry-After, where there is one
		}
	}
	fmt.Fprintln(os.Stderr, name, "is unknown: look at the registry. The order is", key)
	return 2
}

func main() {
	switch args := os.Args[1:]; {
	case len(args) > 1 && args[0] == "check":
		os.Exit(check(args[1:]))
	case len(args) == 3 && args[0] == "create":
		// Many registries want a password for the domain (authInfo). It is a part of the order, too.
		os.Exit(change("/api/epp/domain-create", args[1], args[2], map[string]any{"host": registry, "domain": args[1],
			"years": 1, "password": os.Getenv("DOMAIN_PASSWORD")}))
	case len(args) == 4 && args[0] == "renew":
		os.Exit(change("/api/epp/domain-renew", args[1], args[3], map[string]any{"host": registry, "domain": args[1],
			"years": 1, "curExpDate": args[2]}))
	}
	fmt.Fprintln(os.Stderr, "usage: order check NAME... | create NAME KEY | renew NAME EXPIRES KEY")
	os.Exit(1)
}

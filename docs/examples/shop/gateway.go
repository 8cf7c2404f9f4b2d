package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// gateway is eppmux.
type gateway struct {
	url, token, registry string
	client               *http.Client
}

// gatewayWait is how long the gateway waits for the registry. We wait longer, so that it can tell what happened.
const gatewayWait = 30 * time.Second

// send sends a request and reads the answer, good or bad, into to.
func (g *gateway) send(ctx context.Context, path, key string, body, to any) (status int, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "wait=30")
	if g.token != "" {
		req.Header.Set("Authorization", "Bearer "+g.token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := g.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return res.StatusCode, json.NewDecoder(res.Body).Decode(to)
}

// found is one name that was searched for.
type found struct {
	Name  string `json:"name"`
	State string `json:"state"` // free, taken, or bad where the registry could not be asked for it
	Price string `json:"price"`
}

// check asks which names are free, in their order.
func (g *gateway) check(ctx context.Context, names []string) ([]found, error) {
	var out struct {
		Detail  string
		Answers []struct {
			Name      string
			Available bool
			Problem   *struct{ Kind string }
		}
	}
	status, err := g.send(ctx, "/v1/check", "", map[string]any{"registry": g.registry, "names": names}, &out)
	if err == nil && status != http.StatusOK {
		err = errors.New(out.Detail)
	}
	if err != nil {
		return nil, err
	}
	var all []found
	for _, a := range out.Answers {
		state := "taken"
		if a.Problem != nil {
			state = "bad"
		} else if a.Available {
			state = "free"
		}
		all = append(all, found{Name: a.Name, State: state})
	}
	return all, nil
}

// end is what became of an order.
type end struct{ state, detail, expires string }

// tries is after how many answers without an outcome a person has to look.
const tries = 5

// carryOut sends an order until it is known what became of it, with the same key and the same body: by them the
// gateway knows that it is one order. What was not sent is paid all the same, so it is sent until it is.
func (g *gateway) carryOut(o *order) end {
	path := "/api/epp/domain-create"
	body := map[string]any{"host": g.registry, "domain": o.Name, "years": 1, "password": ""}
	if o.Action == "renew" {
		path = "/api/epp/domain-renew"
		body = map[string]any{"host": g.registry, "domain": o.Name, "years": 1, "curExpDate": o.current}
	}
	for lost := 0; ; {
		var a struct {
			Outcome, Detail  string
			Code, RetryAfter int
			Data             struct{ ExDate string }
		}
		pause := time.Duration(1<<lost) * time.Second
		_, err := g.send(context.Background(), path, o.ID, body, &a)
		switch {
		case err == nil && a.Outcome == "answered" && a.Code >= 2000:
			return end{state: failed, detail: a.Detail}
		case err == nil && a.Outcome == "answered" && a.Code > 0:
			date, _ := time.Parse(time.RFC3339, a.Data.ExDate)
			return end{state: done, expires: date.UTC().Format(time.DateOnly)}
		case err == nil && (a.Outcome == "not_sent" || a.RetryAfter > 0):
			pause = time.Duration(cmp.Or(a.RetryAfter, 1)) * time.Second
		case err == nil && a.Outcome == "refused" && lost == 0:
			return end{state: failed, detail: a.Detail} // nothing was made of it
		default: // it may have been carried out
			if lost++; lost == tries {
				return end{state: unknown}
			}
		}
		time.Sleep(pause)
	}
}

package serve

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"eppmux/cluster"
)

// TestClusterGateway: the gateway of a host that follows carries over a lane to the owner: a check, and a change
// with a key, whose repeat there gets the answer again. The registry has one session, and one create.
func TestClusterGateway(t *testing.T) {
	w := newTown(t, "one")
	var hosts []*townHost
	for _, name := range []string{"a", "b"} {
		h := w.newHost(name)
		hosts = append(hosts, h)
		h.begin(h.section(byStore)+"state: {dir: .}\ngateway: {listen: [\"unix://"+h.dir+"/http\"]}\n",
			h.real("one", "zones: [example]"))
	}
	owner := w.owned("one", hosts...)
	follower := hosts[0]
	if owner == follower {
		follower = hosts[1]
	}
	for _, h := range hosts {
		h.ready("one")
	}
	check := follower.call("/v1/check", "", `{"names":["free.example"]}`)
	if all, _ := check["answers"].([]any); len(all) != 1 || all[0].(map[string]any)["available"] != true {
		t.Errorf("got %v", check)
	}
	const create = `{"host":"one","domain":"lane.example","years":1,"password":"Aa1-lane"}`
	for _, replayed := range []any{nil, true} {
		got := follower.call("/api/epp/domain-create", "order-1", create)
		if got["outcome"] != "answered" || got["code"] != 1000.0 || got["replayed"] != replayed {
			t.Errorf("got %v, want replayed %v", got, replayed)
		}
	}
	if got := owner.call("/api/epp/domain-info", "", `{"host":"one","domain":"lane.example"}`); got["code"] != 1000.0 {
		t.Errorf("got %v from the owner", got)
	}
	if a := follower.account("one"); a.Role != cluster.RoleFollower {
		t.Errorf("got %+v, want it to follow still", a)
	}
	if c := w.registries["one"].Counters(); c.Executed["create"] != 1 || c.Logins != 1 {
		t.Errorf("got %d creates, %d logins, want one of each", c.Executed["create"], c.Logins)
	}
	for _, h := range []*townHost{follower, owner} {
		h.stop()
	}
	w.kept("one")
}

// call is a request with a body in JSON to the host's gateway; key is its Idempotency-Key, unless it is empty.
func (h *townHost) call(path, key, body string) (answer map[string]any) {
	h.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", h.dir+"/http")
	}}
	r, err := http.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := (&http.Client{Transport: transport, Timeout: 90 * time.Second}).Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		h.t.Fatal(err)
	}
	return answer
}

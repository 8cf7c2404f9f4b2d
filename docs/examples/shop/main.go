// Shop is a sample shop for domains: a page, and the small server behind it, which holds the token of the gateway. It
// knows one customer and forgets all when it ends; README.md says what a real one does in place of that.
//
//	EPPMUX_URL=http://127.0.0.1:7080 EPPMUX_TOKEN=... go run ./docs/examples/shop
package main

import (
	"cmp"
	"crypto/rand"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed static
var static embed.FS

// The states of an order.
const (
	open    = "open"    // not paid
	working = "working" // paid, and not carried out yet
	done    = "done"
	failed  = "failed"  // the registry refused: the money goes back
	unknown = "unknown" // a person must look at the registry
)

// order is what a customer wants. Its id is its Idempotency-Key, too: an order is carried out once.
type order struct {
	ID      string `json:"id"`
	Action  string `json:"action"` // register or renew
	Name    string `json:"name"`
	Price   string `json:"price"`
	State   string `json:"state"`
	Detail  string `json:"detail,omitempty"`
	Expires string `json:"expires,omitempty"` // what the registry said when it was done

	current string // the date on which Name expires before a renewal
}

// shop is the server.
type shop struct {
	gateway gateway
	zones   []string
	price   string

	mu     sync.Mutex
	orders []*order // the oldest first
}

// maxOrders and maxNames bound what one visitor can have us keep and ask.
const (
	maxOrders = 1000
	maxNames  = 20
)

// handler has the page and its calls. Pages of other sites may not post to it.
func (s *shop) handler() http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("POST /search", s.search)
	mux.HandleFunc("POST /orders", s.newOrder)
	mux.HandleFunc("GET /orders", s.list)
	mux.HandleFunc("POST /orders/{id}/pay", s.pay)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, 4096)
		guarded.ServeHTTP(w, r)
	})
}

// answer writes a value in JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, detail string) {
	answer(w, status, map[string]string{"detail": detail})
}

// search says which names are free: those with a dot as they are, and words at the end of each zone.
func (s *shop) search(w http.ResponseWriter, r *http.Request) {
	var in struct{ Words string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "that is no search")
		return
	}
	var names []string
	for _, word := range strings.Fields(strings.ReplaceAll(strings.ToLower(in.Words), ",", " ")) {
		if strings.Contains(word, ".") {
			names = append(names, word)
			continue
		}
		for _, zone := range s.zones {
			names = append(names, word+"."+zone)
		}
	}
	if len(names) == 0 || len(names) > maxNames {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("search for 1 to %d names", maxNames))
		return
	}
	found, err := s.gateway.check(r.Context(), names)
	if err != nil {
		log.Print("check: ", err)
		refuse(w, http.StatusBadGateway, "the registry cannot be asked just now: search again in a moment")
		return
	}
	for i := range found {
		found[i].Price = s.price // POST /v1/check tells the registry's, if it is asked for fees
	}
	answer(w, http.StatusOK, found)
}

// newOrder writes an order down, with its id, before anything is paid or sent.
func (s *shop) newOrder(w http.ResponseWriter, r *http.Request) {
	var in struct{ Action, Name string }
	err := json.NewDecoder(r.Body).Decode(&in)
	if err != nil || in.Name == "" || in.Action != "register" && in.Action != "renew" {
		refuse(w, http.StatusBadRequest, "that is no order")
		return
	}
	o, problem := s.note(in.Action, in.Name)
	if problem != "" {
		refuse(w, http.StatusConflict, problem)
		return
	}
	answer(w, http.StatusCreated, o)
}

// note keeps a new order; problem says why it does not.
func (s *shop) note(action, name string) (o order, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o = order{ID: "shop-" + rand.Text(), Action: action, Name: name, Price: s.price, State: open}
	if action == "renew" {
		if o.current = s.expires(name); o.current == "" {
			return o, "that domain is not yours"
		}
	}
	if len(s.orders) >= maxOrders {
		return o, "the shop is full"
	}
	kept := o
	s.orders = append(s.orders, &kept)
	return o, ""
}

// expires is the date on which a domain of the customer expires; empty: it is not theirs. s.mu is held.
func (s *shop) expires(name string) string {
	for _, o := range slices.Backward(s.orders) {
		if o.Name == name && o.State == done {
			return o.Expires
		}
	}
	return ""
}

// list is all orders that are paid.
func (s *shop) list(w http.ResponseWriter, _ *http.Request) {
	paid := []order{}
	s.mu.Lock()
	for _, o := range s.orders {
		if o.State != open {
			paid = append(paid, *o)
		}
	}
	s.mu.Unlock()
	answer(w, http.StatusOK, paid)
}

// pay takes the money, which is pretended here, and has the order carried out. A second click finds it paid.
func (s *shop) pay(w http.ResponseWriter, r *http.Request) {
	o, first := s.take(r.PathValue("id"))
	if o == nil {
		refuse(w, http.StatusNotFound, "there is no such order")
		return
	}
	if first {
		go s.carryOut(*o) // not for the request: it goes on when the customer closes the page
	}
	answer(w, http.StatusOK, o)
}

// take marks an order as paid, and gives a copy. first reports whether it was not before.
func (s *shop) take(id string) (o *order, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.orders, func(o *order) bool { return o.ID == id })
	if i < 0 {
		return nil, false
	}
	if s.orders[i].State == open {
		s.orders[i].State, first = working, true
	}
	kept := *s.orders[i]
	return &kept, first
}

// carryOut has an order carried out, and notes what became of it. It ends when that is known.
func (s *shop) carryOut(o order) {
	end := s.gateway.carryOut(&o)
	log.Printf("order %s: %s %s: %s %s", o.ID, o.Action, o.Name, end.state, end.detail)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kept := range s.orders {
		if kept.ID == o.ID {
			kept.State, kept.Detail, kept.Expires = end.state, end.detail, end.expires
		}
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address of the shop")
	zones := flag.String("zones", "example,com,net", "ends of the names that it sells")
	flag.Parse()
	s := &shop{zones: strings.Split(*zones, ","), price: "9.00 EUR", gateway: gateway{
		url:      cmp.Or(os.Getenv("EPPMUX_URL"), "http://127.0.0.1:7080"),
		token:    os.Getenv("EPPMUX_TOKEN"),
		registry: cmp.Or(os.Getenv("EPPMUX_REGISTRY"), "sandbox"),
		client:   &http.Client{Timeout: gatewayWait + 10*time.Second},
	}}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("the shop is at http://%s", ln.Addr())
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	log.Fatal(server.Serve(ln))
}

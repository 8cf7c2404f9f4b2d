package proxy

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"eppmux/upstream/pool"
)

// aLogin is a login of peer and client id; nil: none that exists.
func aLogin(peer *pool.Budget, user *credential) *verification {
	return &verification{claim: claim{peer: peer, user: user}, doubted: user == nil}
}

// TestTurns: who is verified in which order. A login is written as peer and client id, in small
// letters where it is doubted; "?" is a client id that there is not.
func TestTurns(t *testing.T) {
	peers, users := map[byte]*pool.Budget{}, map[byte]*credential{}
	for _, c := range []byte("abcxyz") {
		peers[c], users[c] = pool.NewBudget(), &credential{name: string(c)}
	}
	for _, tt := range []struct{ what, come, order string }{
		{"one line is first in, first out", "Ax Ax Ax", "0 1 2"},
		{"peers take turns", "Ax Ax Ax Bx Bx Cx", "0 3 5 1 4 2"},
		{"client ids of a peer take turns", "Ax Ax Ay Ax Az", "0 2 4 1 3"},
		{"client ids that there are not share one turn", "A? A? A? A? Ax B?", "4 0 5 1 2 3"},
		{"doubts are last", "ax ax by Ay Ay", "3 4 0 2 1"},
		{"the newest of a line knows whether it is doubted", "ax ax by Ax Ay", "0 4 1 3 2"},
	} {
		var q turns
		names := map[*verification]string{}
		for i, login := range strings.Fields(tt.come) {
			v := aLogin(peers[login[0]|0x20], users[login[1]])
			v.doubted = v.doubted || login[0] >= 'a'
			names[v] = strconv.Itoa(i)
			if victim, ok := q.push(v); victim != nil || !ok {
				t.Fatalf("%s: no room for %s", tt.what, login)
			}
		}
		var got []string
		for v := q.pop(); v != nil; v = q.pop() {
			got = append(got, names[v])
		}
		if g := strings.Join(got, " "); g != tt.order || len(q.lines) != 0 {
			t.Errorf("%s: got %s, want %s", tt.what, g, tt.order)
		}
	}
}

// TestTurnsRoom: who makes room for whom in a full queue.
func TestTurnsRoom(t *testing.T) {
	one, other := pool.NewBudget(), pool.NewBudget()
	x, y := &credential{name: "x"}, &credential{name: "y"}
	fill := func(q *turns, user *credential, peers ...*pool.Budget) (last *verification) {
		for i := range verificationsMax {
			last = aLogin(peers[i%len(peers)], user)
			if victim, ok := q.push(last); victim != nil || !ok {
				t.Fatalf("no room for %d", i)
			}
		}
		return last
	}
	var many []*pool.Budget
	for range verificationsMax {
		many = append(many, pool.NewBudget())
	}
	for _, tt := range []struct {
		what  string
		full  *credential
		of    []*pool.Budget
		comes *verification
		ok    bool
	}{
		{"a flood of one line, another peer", x, []*pool.Budget{one}, aLogin(other, x), true},
		{"another client id of the peer", x, []*pool.Budget{one}, aLogin(one, y), true},
		{"one that there is not", x, []*pool.Budget{one}, aLogin(one, nil), true},
		{"one more of the flood", x, []*pool.Budget{one}, aLogin(one, x), false},
		{"a flood of client ids that there are not", nil, []*pool.Budget{one}, aLogin(one, x), true},
		{"two lines, a third", x, []*pool.Budget{one, other}, aLogin(one, y), true},
		{"a line each, one more", x, many, aLogin(one, y), false},
		{"a line each of those that there are not, one that is", nil, many, aLogin(one, y), true},
		{"a line each of those that there are not, one more", nil, many, aLogin(one, nil), false},
	} {
		var q turns
		last := fill(&q, tt.full, tt.of...)
		victim, ok := q.push(tt.comes)
		if ok != tt.ok || (victim != nil) != tt.ok || q.n != verificationsMax {
			t.Errorf("%s: got room %v, victim %v, %d wait", tt.what, ok, victim != nil, q.n)
			continue
		}
		if len(tt.of) == 1 && ok && victim != last {
			t.Errorf("%s: the victim is not the newest", tt.what)
		}
		// It waits for one of each line at most.
		for turn := 0; ok && !tt.comes.doubted; turn++ {
			if v := q.pop(); v == tt.comes {
				break
			}
			if turn > len(tt.of) {
				t.Errorf("%s: %d turns, and it waits still", tt.what, turn)
				break
			}
		}
	}
}

// TestTurnsAtRandom: nothing is lost and nothing comes twice, and lines are as long as they count.
func TestTurnsAtRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 8))
	peers := []*pool.Budget{pool.NewBudget(), pool.NewBudget(), pool.NewBudget()}
	users := []*credential{nil, {name: "x"}, {name: "y"}}
	var q turns
	waits := map[*verification]bool{}
	for range 20_000 {
		switch rng.IntN(5) {
		case 0:
			for v := range waits { // any
				q.remove(v)
				q.remove(v)
				delete(waits, v)
				break
			}
		case 1:
			v := q.pop()
			if (v == nil) != (len(waits) == 0) || v != nil && !waits[v] {
				t.Fatalf("got %v of %d", v, len(waits))
			}
			delete(waits, v)
		default:
			v := aLogin(peers[rng.IntN(3)], users[rng.IntN(3)])
			v.again, v.doubted = rng.IntN(2) == 0, v.doubted || rng.IntN(3) == 0
			victim, ok := q.push(v)
			if victim != nil && !waits[victim] || !ok && len(waits) < verificationsMax {
				t.Fatalf("got victim %v, %v of %d", victim, ok, len(waits))
			}
			delete(waits, victim)
			if ok {
				waits[v] = true
			}
		}
		n := 0
		for _, l := range q.lines {
			if n += len(l.logins); len(l.logins) == 0 {
				t.Fatal("an empty line")
			}
		}
		if n != q.n || n != len(waits) || n > verificationsMax {
			t.Fatalf("%d are in lines, %d count, %d wait", n, q.n, len(waits))
		}
	}
}

// TestDoubts: a wrong password counts until a right one, and what is remembered is bounded.
func TestDoubts(t *testing.T) {
	d := make(doubts)
	of := doubt{pool.NewBudget(), &credential{}}
	for _, v := range []verdict{loginCredentials, loginCredentials, loginRight, loginRight, loginCredentials} {
		if d.note(of, v); d.has(of) != (v != loginRight) {
			t.Errorf("after %v: %v", v, d.has(of))
		}
	}
	for range 3 * doubtsMax {
		of := doubt{pool.NewBudget(), of.user}
		if d.note(of, loginCredentials); !d.has(of) || len(d) > doubtsMax {
			t.Fatalf("got %d doubts, the last: %v", len(d), d.has(of))
		}
	}
}

package batch

import "time"

const (
	// learntFor is how long a registry is given fewer names, once it has refused more.
	learntFor = time.Hour

	// A user is asked apart from others from apartFrom strikes on. A session that ends behind names that are
	// asked again counts as lostStrikes, a name that is refused as one of refusedStrikes. One strike is
	// forgiven in every forgive.
	apartFrom      = 4
	lostStrikes    = 4
	refusedStrikes = 1
	forgive        = 15 * time.Second

	// strikesMost bounds the strikes of a user, so that a minute or two after the last one they are gone.
	// usersKept is the number of users whose strikes are kept.
	strikesMost = 8
	usersKept   = 1024
)

// care is what has been learnt of a registry and its users. Its values are of the time that they are given.
type care struct {
	most  int // names in a check; 0: nothing is known
	until time.Time
	told  int // most that was logged
	users map[string]strikes
}

type strikes struct {
	n     int
	since time.Time // of which n are
}

// left are the strikes that are not forgiven yet.
func (s strikes) left(now time.Time) int { return max(0, s.n-int(now.Sub(s.since)/forgive)) }

// strike counts strikes of a user.
func (c *care) strike(user string, n int, now time.Time) {
	if c.users == nil {
		c.users = make(map[string]strikes)
	}
	if _, known := c.users[user]; !known && len(c.users) >= usersKept {
		for u, s := range c.users {
			if s.left(now) == 0 {
				delete(c.users, u)
			}
		}
		if len(c.users) >= usersKept {
			clear(c.users)
		}
	}
	c.users[user] = strikes{min(strikesMost, c.users[user].left(now)+n), now}
}

// isApart reports whether a user's names are asked apart from those of others.
func (c *care) isApart(user string, now time.Time) bool {
	return len(c.users) > 0 && c.users[user].left(now) >= apartFrom
}

// learn notes that the registry takes no more than n names, of the most it was given. It reports
// whether that is to be told: once for each number.
func (c *care) learn(n, most int, now time.Time) (tell bool) {
	if n >= most {
		return false
	}
	c.most, c.until = n, now.Add(learntFor)
	tell = c.told != n
	c.told = n
	return tell
}

// atMost returns how many names a check has that may have n.
func (c *care) atMost(n int, now time.Time) int {
	if c.most > 0 && now.Before(c.until) {
		return min(n, c.most)
	}
	return n
}

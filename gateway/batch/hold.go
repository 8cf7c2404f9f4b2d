package batch

import "time"

const (
	// shortestHold and longestHold bound how long answers are held back that come behind a Pause. Between
	// them it is one holdPart of the time that the request has taken: when a thousand searches share the
	// registries, each has a name every now and then, and to write each by itself costs more than all else.
	shortestHold = 20 * time.Millisecond
	longestHold  = 250 * time.Millisecond
	holdPart     = 8
)

// holder says when answers are held back. It belongs to one Check.
type holder struct {
	began time.Time
	timer *time.Timer      // nil: nothing was held back yet
	over  <-chan time.Time // of timer
	held  bool             // until over tells
}

// hold begins to hold back.
func (h *holder) hold() {
	d := min(max(time.Since(h.began)/holdPart, shortestHold), longestHold)
	if h.timer == nil {
		h.timer = time.NewTimer(d)
		h.over = h.timer.C
	} else {
		h.timer.Reset(d)
	}
	h.held = true
}

func (h *holder) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

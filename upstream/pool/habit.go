package pool

import "time"

// Many a registry ends each session behind so many commands, or at an age. Such an end may come behind
// anybody's command, and where there is one client it comes behind that one's each time. So the ends are
// compared: one that comes behind as many answers as the one before, or at its age, is the registry's
// habit, and nobody is blamed. A client whose every command ends a session among others' has no such
// regularity, but may have it by chance; so ends behind those who have had few answers must be alike
// once more.

const (
	// habitAge is the age from which equal ages say something. A client that ruins sessions may be as
	// regular: where it does so less often, it is not held back either, see mercy.
	habitAge = 10 * time.Second

	// alikeSeasoned and alike are the numbers of ends in a row that show a habit: behind a command of
	// a client that has had many answers, some to this kind, and behind any.
	alikeSeasoned = 2
	alike         = 3
)

// habit compares the ends of sessions that the registry has ended.
type habit struct {
	answers      int           // to commands, of the last that has ended
	equalAnswers int           // ends in a row behind so many
	age          time.Duration // of the first of a row of equal age
	equalAge     int           // ends in that row
}

// ended notes the end of a session of that age which had so many answers, and returns how many ends in
// a row were alike, this one included; 0: the session was too short to tell.
func (h *habit) ended(answers int, age time.Duration) (row int) {
	if answers != h.answers {
		h.answers, h.equalAnswers = answers, 0
	}
	h.equalAnswers++
	if (age - h.age).Abs() > h.age/100+50*time.Millisecond {
		h.age, h.equalAge = age, 0
	}
	h.equalAge++
	if answers >= seasoned {
		row = h.equalAnswers
	}
	if age >= habitAge {
		row = max(row, h.equalAge)
	}
	return row
}

// usual reports whether the end of s, behind a command of a, is as the registry's habit has it. It must
// be called once for each session that the registry ends behind a command.
func (p *Pool) usual(s *Session, cause Cause, a *Author, now time.Duration) bool {
	if cause != CauseRegistryClosed && cause != CauseCodeCloses {
		return false
	}
	n := p.habit.ended(s.answers, now-s.opened)
	return n >= alike || n >= alikeSeasoned && a.Known && a.Answers >= seasoned
}

//go:build race

package upstream

// raceEnabled says that the tests run under the race detector.
const raceEnabled = true

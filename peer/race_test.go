//go:build race

package peer

// raceEnabled says that the tests run under the race detector.
const raceEnabled = true

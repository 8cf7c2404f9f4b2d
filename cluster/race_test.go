//go:build race

package cluster

// raceEnabled says that the tests run under the race detector.
const raceEnabled = true

// Command bench puts load on EPP servers and measures what comes back.
//
//	go run ./bench load --to 127.0.0.1:7000 --clients 200 --for 10s
//
// It frames by itself and looks for what it needs in the answers by text, so that it costs little and shares no mistake
// with what it measures.
package main

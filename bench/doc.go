// Command bench puts load on EPP servers and measures what comes back.
//
//	go run ./bench load --to 127.0.0.1:7000 --clients 200 --for 10s   one load on one server
//	go run ./bench compare      eppmux, HAProxy, nginx and no proxy at all, in turns; raw data to bench/results
//	go run ./bench capacity     what one host carries, likewise
//	go run ./bench report       tables and plots from the raw data
//
// It frames by itself and searches the answers as text, so it costs little and shares no mistake
// with what it measures. Each contestant runs as a process of its own. Its processor time and
// memory are those that the kernel counts, so compare and capacity need Linux.
package main

// Command bench puts load on EPP servers and measures what comes back.
//
//	go run ./bench load --to 127.0.0.1:7000 --clients 200 --for 10s   one load on one server
//	go run ./bench compare      eppmux, HAProxy, nginx and no proxy at all, in turns; raw data to bench/results
//	go run ./bench capacity     what one host carries, likewise
//	go run ./bench report       tables and plots from the raw data
//
// It frames by itself and looks for what it needs in the answers by text, so that it costs little
// and shares no mistake with what it measures. Everything that is compared runs as a process of its
// own; processor time and memory are what the kernel counts for it, so compare and capacity need
// Linux.
package main

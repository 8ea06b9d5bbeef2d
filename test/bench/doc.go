// Package bench measures, on the running programs, what users wait for and what an idle cluster costs. It asserts nothing
// about time; its figures are for docs/performance.md:
//
//	go test -run '^$' -bench Token -benchtime 1000x ./test/bench
//	go test -run '^$' -bench Repair -benchtime 200x ./test/bench
//	go test -run '^$' -bench Idle -benchtime 1x ./test/bench -args -applications=10000
package bench

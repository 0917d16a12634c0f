package main

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"guodu/mocks/sim"
)

const (
	keptLines = 1024 // that wait for a slow terminal
	maxWord   = 64   // characters of a number that somebody else has made up
)

// tail prints one line for each thing that happens. It shows numbers, names and
// codes, and no other part of a message, so that no secret is in it. A terminal
// that stands still loses lines and holds nobody up.
type tail struct {
	out   io.Writer
	lines chan string
	done  chan struct{}

	mu     sync.Mutex
	lost   int
	closed bool
}

// newTail prints until close.
func newTail(out io.Writer) *tail {
	t := &tail{out: out, lines: make(chan string, keptLines), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		for line := range t.lines {
			fmt.Fprintln(t.out, line)
		}
	}()
	return t
}

// close prints what waits, and ends. A nil tail prints nothing.
func (t *tail) close() {
	if t == nil {
		return
	}
	t.mu.Lock()
	was := t.closed
	t.closed = true
	t.mu.Unlock()
	if !was {
		close(t.lines)
	}
	<-t.done
}

func (t *tail) say(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if t.lost > 0 {
		line = fmt.Sprintf("… %d lines are lost\n%s", t.lost, line)
	}
	select {
	case t.lines <- line:
		t.lost = 0
	default:
		t.lost++
	}
}

// of is the watcher of one gateway; nil of a nil tail.
func (t *tail) of(gateway string) func(order string, e sim.Event) {
	if t == nil {
		return nil
	}
	return func(order string, e sim.Event) { t.say(tailLine(gateway, order, e)) }
}

// portal is the watcher of the portal.
func (t *tail) portal() func(status int) {
	if t == nil {
		return nil
	}
	return func(status int) {
		t.say(tailLine("portal", "", sim.Event{Stamp: time.Now(), Direction: "in", Name: "verify", Status: status}))
	}
}

// tailLine is: time, gateway, order, refund if there is one, what was asked (<-)
// or told (->), and the answer.
func tailLine(gateway, order string, e sim.Event) string {
	way := "<-"
	if e.Direction == "out" {
		way = "->"
	}
	about := word(order)
	if about == "" {
		about = "-"
	}
	if refund := refundNo(e); refund != "" {
		about += " refund " + word(refund)
	}
	line := fmt.Sprintf("%s  %-7s %s  %s %s: %s", e.Stamp.Format(time.TimeOnly), gateway, about, way, e.Name, said(e))
	for _, v := range e.Verdicts {
		if v.Check == "signature" && !v.OK {
			line += ", the signature does not hold"
		}
	}
	if e.Fault != "" {
		line += " (on purpose: " + string(e.Fault) + ")"
	}
	return line
}

var (
	refundPattern = regexp.MustCompile(`"out_(?:refund|request)_no"\s*:\s*"([^"]+)"`)
	refundPath    = regexp.MustCompile(`^/v3/refund/domestic/refunds/([^/?]+)`)
	// codePattern finds the code of a refusal: ORDER_PAID, ACQ.TRADE_NOT_EXIST.
	codePattern = regexp.MustCompile(`"(?:sub_code|code)"\s*:\s*"([A-Za-z][\w.-]*)"`)
)

// refundNo is the number of the refund that a request is about.
func refundNo(e sim.Event) string {
	body := e.RequestBody
	if form, err := url.QueryUnescape(body); err == nil && !strings.HasPrefix(body, "{") {
		body = form
	}
	for _, found := range [][]string{refundPattern.FindStringSubmatch(body), refundPath.FindStringSubmatch(e.URL)} {
		if found != nil {
			return found[1]
		}
	}
	return ""
}

// said is the answer in a few words.
func said(e sim.Event) string {
	if e.Status == 0 {
		why := e.Error[strings.LastIndex(e.Error, ": ")+1:] // without the address in front
		return "no answer, " + word(strings.TrimSpace(why))
	}
	text := fmt.Sprint(e.Status)
	if e.Code != "" {
		text = word(e.Code)
	}
	if e.Direction == "out" {
		for _, v := range e.Verdicts {
			if v.Check == "accepted" {
				return text + map[bool]string{true: ", accepted", false: ", not accepted"}[v.OK]
			}
		}
		return text
	}
	if found := codePattern.FindStringSubmatch(e.ResponseBody); found != nil {
		text += " " + word(found[1])
	}
	return text
}

// word makes foreign text fit for a terminal.
func word(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > maxWord {
		return string(runes[:maxWord]) + "…"
	}
	return text
}

package terminal

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestEventsAreReadAsTheStandardHasThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stream string
		want   []string // id, kind, data
	}{
		"an event":                     {"id: 1\nevent: block\ndata: {}\n\n", []string{"1 block {}"}},
		"without a kind":               {"id: 1\ndata: a\n\nevent: block\ndata: b\n\n", []string{"1 message a", "1 block b"}},
		"with an empty kind":           {"event:\ndata: a\n\n", []string{" message a"}},
		"several lines of data":        {"event: x\ndata: a\ndata:b\ndata:  c\n\n", []string{" x a\nb\n c"}},
		"empty lines of data":          {"data\ndata:\n\n", []string{" message \n"}},
		"no data":                      {"id: 2\nevent: block\n\ndata: a\n\n", []string{"2 message a"}},
		"empty data":                   {"event: block\ndata:\n\nevent: x\ndata: a\n\n", []string{" block ", " x a"}},
		"an id that lasts":             {"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", []string{"1 message a", "1 message b", " message c"}},
		"an id with a zero byte":       {"id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", []string{"1 message a", "1 message b"}},
		"the last kind counts":         {"event: a\nevent: b\ndata: x\n\n", []string{" b x"}},
		"comments and unknown fields":  {": here\n\n:data: no\nretry: 5\ncolour: red\nData: no\ndata: a\n\n", []string{" message a"}},
		"lines that end with CR LF":    {"id: 1\r\nevent: x\r\ndata: a\r\ndata: b\r\n\r\n", []string{"1 x a\nb"}},
		"lines that end with CR":       {"id: 1\revent: x\rdata: a\r\rdata: b\r\n\n", []string{"1 x a", "1 message b"}},
		"an event that is not ended":   {"data: a\n\ndata: b\n", []string{" message a"}},
		"a value that begins with two": {"data::a\n\n", []string{" message :a"}},
	} {
		from := &events{from: bufio.NewReader(strings.NewReader(c.stream))}
		var got []string
		for {
			id, kind, data, err := from.next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			got = append(got, id+" "+kind+" "+data)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

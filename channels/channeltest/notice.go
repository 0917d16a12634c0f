package channeltest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"

	"guodu/channels"
)

// tooLarge is above every channel's limit for a callback.
const tooLarge = 1 << 20

func noticeChecks() []check {
	return []check{
		{"a callback says what Query says", withoutNotice, noticeIsRight},
		{"a forged callback", withoutForged, noticeForged},
		{"an altered callback", withoutNotice, noticeAltered},
		{"a callback that is too large", withoutNotice, noticeTooLarge},
		{"a callback that is none", withoutNotice, noticeJunk},
		{"a callback of another kind", withoutForeign, noticeForeign},
		{"callbacks at once", withoutNotice, noticesAtOnce},
		{"Answer speaks the channel's words", withoutNotice, answers},
	}
}

func withoutNotice(s Subject) string {
	if _, ok := s.Channel.(channels.Notifier); !ok {
		return "callbacks"
	}
	return ""
}

func withoutForged(s Subject) string {
	if s.Forged == nil {
		return "forged callbacks"
	}
	return withoutNotice(s)
}

func withoutForeign(s Subject) string {
	if s.Foreign == nil {
		return "callbacks of another kind"
	}
	return withoutNotice(s)
}

func (b *bench) notifier() channels.Notifier { return b.Channel.(channels.Notifier) }

// told is a paid order and its callback.
func (b *bench) told(ctx context.Context, r reporter) (channels.PrepayRequest, Notice) {
	r.Helper()
	req := b.paid(ctx, r)
	notice, err := b.Notice(ctx, req.OrderNo)
	if err != nil {
		r.Fatalf("no callback: %v", err)
	}
	return req, notice
}

// refusedAs wants a callback to be refused for one reason and to give nothing.
func (b *bench) refusedAs(ctx context.Context, r reporter, notice Notice, want error) {
	r.Helper()
	got, err := b.notifier().ParseNotify(ctx, notice.Header, notice.Body)
	if err == nil {
		r.Fatalf("a callback was believed that must be refused: %+v", got)
	}
	b.is(r, err, want)
	nothing(r, got)
}

func noticeIsRight(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req, notice := b.told(ctx, r)
	asked := b.in(ctx, r, req, channels.Paid)
	header, body := notice.Header.Clone(), bytes.Clone(notice.Body)
	for range 2 {
		got, err := b.notifier().ParseNotify(ctx, notice.Header, notice.Body)
		if err != nil {
			r.Fatalf("ParseNotify: %v", err)
		}
		b.consistent(r, got, req)
		if got.State != channels.Paid || got.TransactionID != asked.TransactionID || got.Amount != asked.Amount || !got.SuccessTime.Equal(asked.SuccessTime) {
			r.Errorf("the callback says %+v, and Query %+v", got, asked)
		}
	}
	if !bytes.Equal(body, notice.Body) || len(header) != len(notice.Header) {
		r.Errorf("ParseNotify changed what it was given")
	}
}

func noticeForged(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req, _ := b.prepared(ctx, r)
	notice, err := b.Forged(ctx, req.OrderNo)
	if err != nil {
		r.Fatalf("no forged callback: %v", err)
	}
	b.refusedAs(ctx, r, notice, channels.ErrNotice)
}

// noticeAltered changes a byte here and there. A change may be without meaning,
// as of a to A in %2a; then the callback says exactly what it said before.
func noticeAltered(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	_, notice := b.told(ctx, r)
	genuine, err := b.notifier().ParseNotify(ctx, notice.Header, notice.Body)
	if err != nil {
		r.Fatalf("ParseNotify: %v", err)
	}
	refused := 0
	const step = 7 // odd, to meet names and values alike
	for at := 0; at < len(notice.Body); at += step {
		for _, flip := range []byte{0x01, 0x20} {
			body := bytes.Clone(notice.Body)
			body[at] ^= flip
			got, err := b.notifier().ParseNotify(ctx, notice.Header, body)
			if err != nil {
				refused++
				b.refusedHow(r, err)
				nothing(r, got)
				continue
			}
			if !same(got, genuine) {
				r.Fatalf("with byte %d changed it says %+v, want what it said before or an error", at, got)
			}
		}
	}
	if refused == 0 {
		r.Errorf("no change of any byte was noticed")
	}
	got, err := b.notifier().ParseNotify(ctx, notice.Header, append(bytes.Clone(notice.Body), "&x=y"...))
	if err == nil {
		r.Fatalf("a callback with something added was believed")
	}
	b.refusedHow(r, err)
	nothing(r, got)
}

// same leaves the time out of ==, which would look at its zone.
func same(a, b channels.Payment) bool {
	return a.OrderNo == b.OrderNo && a.TransactionID == b.TransactionID && a.State == b.State && a.Amount == b.Amount &&
		a.Currency == b.Currency && a.Payer == b.Payer && a.Attach == b.Attach && a.SuccessTime.Equal(b.SuccessTime) &&
		a.Misdirected == b.Misdirected && a.Refunded == b.Refunded && len(a.Refunds) == len(b.Refunds)
}

// refusedHow wants one of the two ways to refuse what nobody signed.
func (b *bench) refusedHow(r reporter, err error) {
	r.Helper()
	if errors.Is(err, channels.ErrMalformed) {
		b.is(r, err, channels.ErrMalformed)
		return
	}
	b.is(r, err, channels.ErrNotice)
}

func noticeTooLarge(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	_, notice := b.told(ctx, r)
	padded := append(bytes.Clone(notice.Body), make([]byte, tooLarge)...)
	b.refusedAs(ctx, r, Notice{notice.Header, padded}, channels.ErrTooLarge)
	b.refusedAs(ctx, r, Notice{nil, make([]byte, tooLarge)}, channels.ErrTooLarge)
}

func noticeJunk(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	_, notice := b.told(ctx, r)
	for _, junk := range []Notice{
		{}, {nil, notice.Body}, {notice.Header, nil}, {notice.Header, []byte("null")}, {notice.Header, []byte("a=b")},
		{notice.Header, []byte("<xml>")}, {notice.Header, []byte{0, 0xff, 0xfe}},
	} {
		got, err := b.notifier().ParseNotify(ctx, junk.Header, junk.Body)
		if err == nil {
			r.Fatalf("junk was believed: %q", junk.Body)
		}
		b.refusedHow(r, err)
		nothing(r, got)
	}
}

func noticeForeign(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req := b.paid(ctx, r)
	notice, err := b.Foreign(ctx, req.OrderNo)
	if err != nil {
		r.Fatalf("no callback of another kind: %v", err)
	}
	b.refusedAs(ctx, r, notice, channels.ErrNotOurs)
}

func noticesAtOnce(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	_, notice := b.told(ctx, r)
	_, other := b.told(ctx, r)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			one, err := b.notifier().ParseNotify(ctx, notice.Header, notice.Body)
			two, otherErr := b.notifier().ParseNotify(ctx, other.Header, other.Body)
			if err != nil || otherErr != nil || one.OrderNo == two.OrderNo {
				r.Errorf("callbacks at once: %v, %v", err, otherErr)
			}
		})
	}
	wg.Wait()
}

func answers(r reporter, b *bench) {
	for verdict, want := range map[channels.Verdict]int{
		channels.NotAuthentic: http.StatusUnauthorized,
		channels.Unreadable:   http.StatusBadRequest,
		channels.TooLarge:     http.StatusRequestEntityTooLarge,
		channels.TryAgain:     http.StatusServiceUnavailable,
		channels.Verdict(99):  http.StatusServiceUnavailable,
	} {
		w := httptest.NewRecorder()
		b.notifier().Answer(w, verdict)
		if w.Code != want || b.Heard(w.Code, w.Body.String()) {
			r.Errorf("%s is answered %d %q, want %d and no end of the repeats", verdict, w.Code, w.Body, want)
		}
	}
	w := httptest.NewRecorder()
	b.notifier().Answer(w, channels.Accepted)
	if !b.Heard(w.Code, w.Body.String()) {
		r.Errorf("%s is answered %d %q, which asks for repeats", channels.Accepted, w.Code, w.Body)
	}
}

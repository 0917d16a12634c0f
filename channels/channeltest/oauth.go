package channeltest

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"guodu/channels"
)

// Where a browser comes back to, with what must survive the way.
const (
	state       = "c3RhdGUx"
	redirectURL = "http://127.0.0.1/h5/back?next=%2Fpay&x=1"
)

func oauthChecks() []check {
	return []check{
		{"the authorization page gets state and way back", withoutOAuth, authorizeURL},
		{"a code tells the payer, once", withoutOAuth, codeOnce},
		{"a code that never was", withoutOAuth, codeNonsense},
		{"an exchange of unknown outcome", withoutOAuthFaults, exchangeUnknown},
	}
}

func withoutOAuth(s Subject) string {
	if _, ok := s.Channel.(channels.OAuth); !ok {
		return "OAuth"
	}
	return ""
}

func withoutOAuthFaults(s Subject) string {
	if len(s.Faults) == 0 {
		return "faults"
	}
	return withoutOAuth(s)
}

func (b *bench) oauth() channels.OAuth { return b.Channel.(channels.OAuth) }

func (b *bench) code(ctx context.Context, r reporter) string {
	r.Helper()
	code, err := b.Code(ctx, b.oauth().AuthorizeURL(state, redirectURL))
	if err != nil || code == "" {
		r.Fatalf("no code: %q, %v", code, err)
	}
	return code
}

func authorizeURL(r reporter, b *bench) {
	for _, odd := range []string{state, "a&b=c d+e#f%20"} {
		got, err := url.Parse(b.oauth().AuthorizeURL(odd, redirectURL))
		if err != nil {
			r.Fatalf("AuthorizeURL is not a URL: %v", err)
		}
		var values []string
		for _, list := range got.Query() {
			values = append(values, list...)
		}
		if got.Query().Get("state") != odd || !slices.Contains(values, redirectURL) {
			r.Errorf("AuthorizeURL(%q, %q) = %s", odd, redirectURL, got)
		}
	}
}

func codeOnce(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	code := b.code(ctx, r)
	got, err := b.oauth().Exchange(ctx, code)
	if err != nil {
		r.Fatalf("Exchange: %v", err)
	}
	if got != b.Payer {
		r.Errorf("the payer is %v, want %v", got, b.Payer)
	}
	got, err = b.oauth().Exchange(ctx, code)
	b.noPayer(r, got, err, channels.ErrCode, code)
}

func codeNonsense(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, code := range []string{"", "a b", "never-issued", strings.Repeat("c", 10_000)} {
		got, err := b.oauth().Exchange(ctx, code)
		b.noPayer(r, got, err, channels.ErrCode, code)
	}
}

func exchangeUnknown(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, fault := range b.Faults {
		code := b.code(ctx, r)
		before := b.asked(CallExchange)
		err := fault.Set(CallExchange)
		if err != nil {
			r.Fatalf("set %s: %v", fault.Name, err)
		}
		got, err := b.oauth().Exchange(ctx, code)
		b.noPayer(r, got, err, channels.ErrUnknownOutcome, code)
		if n := b.asked(CallExchange) - before; b.Asked != nil && n != 1 {
			r.Errorf("a code was sent %d times after %s, want once", n, fault.Name)
		}
	}
}

// noPayer wants an error, no payer, and a text without the code.
func (b *bench) noPayer(r reporter, got channels.Payer, err, want error, code string) {
	r.Helper()
	if err == nil || got != (channels.Payer{}) {
		r.Fatalf("Exchange = %v, %v, want %v", got, err, want)
	}
	b.is(r, err, want)
	if len(code) > 3 && strings.Contains(err.Error(), code) {
		r.Errorf("the error shows the code")
	}
}

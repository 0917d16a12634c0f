package terminal_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

// TestAnswerThatIsNotTheHubsIsIgnored spoils the envelope; the card must stay as
// it is, and a repeat of the tap must still work.
func TestAnswerThatIsNotTheHubsIsIgnored(t *testing.T) {
	t.Parallel()
	envelope := func(f func(h http.Header)) func(*terminaltest.Hub) {
		return func(h *terminaltest.Hub) { h.Envelope = func(out http.Header, _ *[]byte) { f(out) } }
	}
	claims := func(text string) func(*terminaltest.Hub) { return func(h *terminaltest.Hub) { h.Claims = text } }
	cover := func(text string) func(*terminaltest.Hub) { return func(h *terminaltest.Hub) { h.Cover = text } }
	when := func(d time.Duration) func(*terminaltest.Hub) {
		return func(h *terminaltest.Hub) { h.Claims = fmt.Sprintf(`;created=%d;keyid="hub"`, h.Now().Add(d).Unix()) }
	}
	twice := func(name string) func(*terminaltest.Hub) {
		return envelope(func(h http.Header) { h.Add(name, h.Get(name)) })
	}
	for name, spoil := range map[string]func(*terminaltest.Hub){
		"unsigned":          envelope(func(h http.Header) { h.Del("Signature"); h.Del("Signature-Input") }),
		"another key":       func(h *terminaltest.Hub) { h.Key = ed25519.NewKeyFromSeed(make([]byte, 32)) },
		"signature cut":     envelope(func(h http.Header) { h.Set("Signature", "sig1=:AAAA:") }),
		"signature garbled": envelope(func(h http.Header) { h.Set("Signature", "sig1=:***:") }),
		"another label": envelope(func(h http.Header) {
			h.Set("Signature", strings.Replace(h.Get("Signature"), "sig1", "sig2", 1))
			h.Set("Signature-Input", strings.Replace(h.Get("Signature-Input"), "sig1", "sig2", 1))
		}),
		"another status":      func(h *terminaltest.Hub) { h.Status = 201 },
		"another nonce":       envelope(func(h http.Header) { h.Set("Request-Nonce", "abcdefghijklmnopqrstuv") }),
		"answer to another":   func(h *terminaltest.Hub) { h.Nonce = "abcdefghijklmnopqrstuv" },
		"no nonce":            envelope(func(h http.Header) { h.Del("Request-Nonce") }),
		"another body":        func(h *terminaltest.Hub) { h.Envelope = func(_ http.Header, b *[]byte) { *b = append(*b, ' ') } },
		"another digest":      envelope(func(h http.Header) { h.Set("Content-Digest", "sha-256=:AAAA:") }),
		"status not covered":  cover(`"content-digest" "request-nonce"`),
		"digest not covered":  cover(`"@status" "request-nonce"`),
		"nonce not covered":   cover(`"@status" "content-digest"`),
		"status twice":        cover(`"@status" "content-digest" "request-nonce" "@status"`),
		"another keyid":       claims(`;created=1795406403;keyid="bub"`),
		"no created":          claims(`;keyid="hub"`),
		"no keyid":            claims(`;created=1795406403`),
		"created is text":     claims(`;created="abc";keyid="hub"`),
		"one more parameter":  claims(`;created=1795406403;keyid="hub";tag="x"`),
		"alg":                 claims(`;created=1795406403;keyid="hub";alg="ed25519"`),
		"created twice":       claims(`;created=1795406403;created=1795406403;keyid="hub"`),
		"too old":             when(-301 * time.Second),
		"in the future":       when(61 * time.Second),
		"two signatures":      twice("Signature"),
		"two inputs":          twice("Signature-Input"),
		"two digests":         twice("Content-Digest"),
		"two nonces":          twice("Request-Nonce"),
		"outcome of its own":  func(h *terminaltest.Hub) { h.Outer = func(a map[string]any) { a["outcome"] = "lend" } },
		"amount is no number": func(h *terminaltest.Hub) { h.Outer = func(a map[string]any) { a["amount_fen"] = "5000" } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			term := b.terminal()
			key := b.hub.Key
			b.hub.Set(func() { spoil(b.hub) })
			out, err := term.Tap(t.Context(), b.card)
			b.want(err, terminal.ErrAnswer)
			b.holds(1200, 3)
			b.wrote(term, terminal.TapSent)
			b.hub.Set(func() {
				b.hub.Key, b.hub.Cover, b.hub.Claims, b.hub.Status, b.hub.Nonce, b.hub.Envelope, b.hub.Outer = key, "", "", 0, "", nil, nil
				b.hub.Taps = map[string]terminaltest.Seen{}
			})
			again, err := term.Retry(t.Context())
			if again.TapID != out.TapID {
				t.Errorf("retry is of tap %s, want %s", again.TapID, out.TapID)
			}
			if err != nil || again.Outcome != terminal.OutcomeWritten {
				t.Errorf("retry: %+v, %v", again, err)
			}
		})
	}
}

func TestAnswerMayOrderComponentsAsItLikes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Cover, b.hub.Claims = `"request-nonce" "content-digest" "@status"`, `;keyid="hub";created=1795406403`
	out, err := b.terminal().Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten {
		t.Errorf("outcome is %+v, %v", out, err)
	}
}

// TestAuthorisationForSomethingElseIsNotWritten spoils what the hub signs.
func TestAuthorisationForSomethingElseIsNotWritten(t *testing.T) {
	t.Parallel()
	payload := func(name string, value any) func(*terminaltest.Hub) {
		return func(h *terminaltest.Hub) { h.Authorise = func(a map[string]any) { a[name] = value } }
	}
	outer := func(name string, value any) func(*terminaltest.Hub) {
		return func(h *terminaltest.Hub) { h.Outer = func(a map[string]any) { a[name] = value } }
	}
	sealing := func(f func(h *terminaltest.Hub, payload string) string) func(*terminaltest.Hub) {
		return func(h *terminaltest.Hub) { h.Sealing = func(p string) string { return f(h, p) } }
	}
	sign := func(key ed25519.PrivateKey, text string) string {
		return base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
	}
	const domain = "guodu-load-v1."
	for name, c := range map[string]struct {
		spoil func(*terminaltest.Hub)
		want  error
	}{
		"another key": {sealing(func(_ *terminaltest.Hub, p string) string {
			return p + "." + sign(ed25519.NewKeyFromSeed(make([]byte, 32)), domain+p)
		}), terminal.ErrAuthorisation},
		"no domain":       {sealing(func(h *terminaltest.Hub, p string) string { return p + "." + sign(h.Key, p) }), terminal.ErrAuthorisation},
		"another domain":  {sealing(func(h *terminaltest.Hub, p string) string { return p + "." + sign(h.Key, "guodu-load-v2."+p) }), terminal.ErrAuthorisation},
		"padded":          {sealing(func(h *terminaltest.Hub, p string) string { return p + "." + sign(h.Key, domain+p) + "==" }), terminal.ErrAuthorisation},
		"no signature":    {sealing(func(_ *terminaltest.Hub, p string) string { return p }), terminal.ErrAuthorisation},
		"no json":         {sealing(func(h *terminaltest.Hub, _ string) string { return "AAAA." + sign(h.Key, domain+"AAAA") }), terminal.ErrAuthorisation},
		"no base64":       {sealing(func(h *terminaltest.Hub, _ string) string { return "**." + sign(h.Key, domain+"**") }), terminal.ErrAuthorisation},
		"another uid":     {payload("card_uid", "04FFFFFF"), terminal.ErrAuthorisation},
		"another number":  {payload("card_no", "70002"), terminal.ErrAuthorisation},
		"another version": {payload("version", "2"), terminal.ErrAuthorisation},
		"lower counter": {func(h *terminaltest.Hub) {
			payload("L0", 2)(h)
			outer("L0", 2)(h)
		}, terminal.ErrAuthorisation},
		"another terminal":   {payload("terminal", "T2"), terminal.ErrAuthorisation},
		"another tap":        {payload("tap_id", "another-tap"), terminal.ErrAuthorisation},
		"no load":            {payload("load", ""), terminal.ErrAuthorisation},
		"nothing to write":   {payload("amount_fen", 0), terminal.ErrAuthorisation},
		"negative amount":    {payload("amount_fen", -1), terminal.ErrAuthorisation},
		"past":               {payload("not_after", time.Date(2026, 11, 23, 4, 0, 2, 999e6, time.UTC).UnixMilli()), terminal.ErrExpired},
		"other load told":    {outer("load", "070099"), terminal.ErrAuthorisation},
		"other amount told":  {outer("amount_fen", 4999), terminal.ErrAuthorisation},
		"other attempt told": {outer("attempt", 2), terminal.ErrAuthorisation},
		"other L0 told":      {outer("L0", 4), terminal.ErrAuthorisation},
		"other B0 told":      {outer("B0", 1), terminal.ErrAuthorisation},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c.spoil(b.hub)
			term := b.terminal()
			out, err := term.Tap(t.Context(), b.card)
			b.want(err, c.want)
			if out.Outcome != terminal.OutcomeAbandoned {
				t.Errorf("outcome is %+v", out)
			}
			b.holds(1200, 3)
			b.wrote(term, terminal.TapSent, terminal.TapAbandoned)
			_, err = term.Retry(t.Context())
			b.want(err, terminal.ErrNothingToRetry)
		})
	}
}

func TestAuthorisationIsGoodToTheLastMillisecond(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Authorise = func(a map[string]any) { a["not_after"] = b.clock.Now().UnixMilli() }
	out, err := b.terminal().Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten {
		t.Errorf("outcome is %+v, %v", out, err)
	}
}

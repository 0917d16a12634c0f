package terminal_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"guodu/mocks/terminal"
)

// fails says which checks of the fake hub each kind fails: every one of them
// alone must refuse it, and without them it must pass. So a kind spoils what it
// says and nothing else.
func fails() map[terminal.SpoilKind][]string {
	return map[terminal.SpoilKind][]string{
		terminal.SpoilUnsigned:         {"lines", "form"},
		terminal.SpoilKey:              {"signature"},
		terminal.SpoilKeyIDUnknown:     {"keyid"},
		terminal.SpoilKeyIDNumber:      {"params", "keyid"},
		terminal.SpoilKeyIDMissing:     {"params", "keyid"},
		terminal.SpoilSignatureCut:     {"signature"},
		terminal.SpoilSignatureGarbled: {"form"},
		terminal.SpoilInputGarbled:     {"form"},
		terminal.SpoilMethod:           {"signature"},
		terminal.SpoilAuthority:        {"signature"},
		terminal.SpoilPath:             {"signature"},
		terminal.SpoilQuery:            {"signature"},
		terminal.SpoilBody:             {"digest"},
		terminal.SpoilBodyDigest:       {"signature"},
		terminal.SpoilDigest:           {"digest", "signature"},
		terminal.SpoilDigestMissing:    {"digest-lines", "digest", "signature"},
		terminal.SpoilDigestAlgorithm:  {"digest"},
		terminal.SpoilDigestTwice:      {"digest-lines", "digest"},
		terminal.SpoilNoMethod:         {"cover"},
		terminal.SpoilNoAuthority:      {"cover"},
		terminal.SpoilNoPath:           {"cover"},
		terminal.SpoilNoQuery:          {"cover"},
		terminal.SpoilNoDigest:         {"cover"},
		terminal.SpoilComponentReq:     {"cover"},
		terminal.SpoilComponentEmpty:   {"cover", "signature"},
		terminal.SpoilComponentTwice:   {"cover"},
		terminal.SpoilEscaped:          {"path"},
		terminal.SpoilEscapedDecoded:   {"path", "signature"},
		terminal.SpoilReplay:           {"replay"},
		terminal.SpoilNonceReused:      {"replay"},
		terminal.SpoilNonceMissing:     {"params", "nonce"},
		terminal.SpoilNonceShort:       {"nonce"},
		terminal.SpoilNonceLong:        {"nonce"},
		terminal.SpoilNonceLetters:     {"nonce"},
		terminal.SpoilNonceToken:       {"params"},
		terminal.SpoilCreatedOld:       {"created"},
		terminal.SpoilCreatedFuture:    {"created"},
		terminal.SpoilCreatedText:      {"created"},
		terminal.SpoilCreatedFraction:  {"created"},
		terminal.SpoilCreatedMissing:   {"params", "created"},
		terminal.SpoilSeqMissing:       {"cover", "seq-lines", "seq"},
		terminal.SpoilNoSeq:            {"cover"},
		terminal.SpoilSeqAltered:       {"signature"},
		terminal.SpoilSeqMalformed:     {"seq"},
		terminal.SpoilSeqTwice:         {"seq-lines"},
		terminal.SpoilSeqReused:        {"reuse"},
		terminal.SpoilAlg:              {"params"},
		terminal.SpoilAlgConfused:      {"params", "signature"},
		terminal.SpoilParameter:        {"params"},
		terminal.SpoilLabel:            {"label"},
		terminal.SpoilTwoSignatures:    {"one"},
		terminal.SpoilLabelTwice:       {"one"},
		terminal.SpoilSignatureTwice:   {"lines"},
		terminal.SpoilInputTwice:       {"lines"},
		terminal.SpoilHuge:             {"size"},
		terminal.SpoilHugeChunked:      {"size"},
	}
}

// tapRequest is a sound tap of the bench's card.
func tapRequest(t *testing.T) terminal.Request {
	t.Helper()
	d := theCard()
	body, err := json.Marshal(terminal.Tap{TapID: "tap-for-raw", CardNo: d.CardNo, CardUID: d.UID, Version: d.Version, L: d.L, B: d.B, P: &d.P})
	if err != nil {
		t.Fatal(err)
	}
	return terminal.Request{Method: http.MethodPost, Path: "/pos/v1/taps", Body: body}
}

func TestEverySpoilFailsExactlyTheChecksItSpoils(t *testing.T) {
	t.Parallel()
	t.Run("ed25519", func(t *testing.T) { everySpoil(t, setup) })
	t.Run("hmac-sha256", func(t *testing.T) { everySpoil(t, setupSmall) })
}

func everySpoil(t *testing.T, setup func(*testing.T) *bench) {
	kinds := fails()
	for _, kind := range terminal.SpoilKinds() {
		checks, ok := kinds[kind]
		if !ok {
			t.Errorf("%s is not in the table", kind)
		}
		delete(kinds, kind)
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			term := b.terminal()
			r := tapRequest(t)
			r.Spoil = kind
			for _, check := range checks {
				b.hub.Set(func() {
					b.hub.TapIDs = nil
					for _, c := range checks {
						b.hub.Off[c] = c != check
					}
				})
				r.Nonce = ""
				a, err := term.Raw(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				p := a.Problem()
				if p == nil || p.Detail != check {
					t.Errorf("check %q alone: answer %d %v", check, a.Status, p)
				}
				done := 0
				if kind.Repeats() {
					done = 1
				}
				if got := len(b.hub.TapIDs); got != done {
					t.Errorf("hub did %d taps, want %d", got, done)
				}
			}
			b.hub.Set(func() {
				for _, c := range checks {
					b.hub.Off[c] = true
				}
			})
			a, err := term.Raw(t.Context(), r)
			if err != nil || a.Status != http.StatusOK {
				t.Errorf("without %v: answer %d %s, %v", checks, a.Status, a.Body, err)
			}
		})
	}
	for kind := range kinds {
		t.Errorf("%s is not among the kinds", kind)
	}
}

func TestSpoiltReadingIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	for _, kind := range terminal.SpoilKinds() {
		a, err := term.Raw(t.Context(), terminal.Request{Method: http.MethodGet, Path: "/pos/v1/cards/70001/pending", Spoil: kind})
		if kind.PostOnly() {
			b.want(err, terminal.ErrUnknownSpoil)
			continue
		}
		if err != nil || a.Status/100 != 4 {
			t.Errorf("%s: answer %d %s, %v", kind, a.Status, a.Body, err)
		}
	}
}

func TestForeignHostIsSoundForTheHostItNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := tapRequest(t)
	r.Spoil = terminal.SpoilForeignHost
	term := b.terminal()
	req, err := term.Build(t.Context(), r)
	if err != nil || req.Host != "other.example" {
		t.Fatalf("host is %q, %v", req.Host, err)
	}
	a, err := term.Raw(t.Context(), r)
	if err != nil || a.Status != http.StatusOK {
		t.Errorf("a hub that does not know its name answers %d %s, %v", a.Status, a.Body, err)
	}
	if slices.Contains(terminal.SpoilKinds(), terminal.SpoilForeignHost) {
		t.Error("it is listed as a kind that every hub refuses")
	}
}

func TestReplayIsTheSameRequestToTheByte(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := tapRequest(t)
	r.Nonce, r.Created, r.Seq = "abcdefghijklmnop", b.clock.Now(), "1.7"
	term := b.terminal()
	sound, err := term.Build(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Spoil = terminal.SpoilReplay
	again, err := term.Build(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Signature", "Signature-Input", "Content-Digest", "Terminal-Seq"} {
		if sound.Header.Get(name) != again.Header.Get(name) {
			t.Errorf("%s differs", name)
		}
	}
	r.Spoil = terminal.SpoilNonceReused
	again, err = term.Build(t.Context(), r)
	if err != nil || sound.Header.Get("Signature") == again.Header.Get("Signature") {
		t.Errorf("a nonce re-used in a new request has the old signature, %v", err)
	}
}

func TestUnknownSpoilIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := tapRequest(t)
	r.Spoil = "sulk"
	_, err := b.terminal().Raw(t.Context(), r)
	if !errors.Is(err, terminal.ErrUnknownSpoil) {
		t.Errorf("unknown spoil: %v", err)
	}
}

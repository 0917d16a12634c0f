package wechatpay_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"guodu/mocks/wechatpay"
)

const nextAPIv3Key = "the-next-simulated-apiv3-key-32b"

// opens says whether a notice opens with a key.
func (n notice) opens(key string) bool {
	plain, err := n.plaintextBy(key)
	return err == nil && strings.Contains(string(plain), `"trade_state":"SUCCESS"`)
}

func TestNoticesAreEncryptedWithTheKeyThatWasSetLast(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusOK)
	b.paid(orderForm("KEYS0001").with("notify_url", in.URL+"/n"))
	told := func() notice {
		t.Helper()
		if _, err := b.sim.Deliver(t.Context(), "KEYS0001", 1); err != nil {
			t.Fatal(err)
		}
		got := in.all()
		return got[len(got)-1].read(t)
	}
	if n := told(); !n.opens(apiV3Key) || n.opens(nextAPIv3Key) {
		t.Error("before: the notice opens with another key")
	}
	if err := b.sim.SetAPIv3Key(nextAPIv3Key); err != nil {
		t.Fatal(err)
	}
	if n := told(); !n.opens(nextAPIv3Key) || n.opens(apiV3Key) || b.sim.APIv3Key() != nextAPIv3Key {
		t.Error("after: the notice opens with another key")
	}
	if err := b.sim.SetAPIv3Key("short"); !errors.Is(err, wechatpay.ErrOptions) || b.sim.APIv3Key() != nextAPIv3Key {
		t.Errorf("a short key: %v", err)
	}
}

func TestProgramsReplaceTheAPIv3Key(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	set := func(body, origin string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/_sim/apiv3-key", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		got := b.do(r)
		var out struct {
			Key string `json:"api_v3_key"`
		}
		_ = json.Unmarshal(got.body, &out)
		return got.status, out.Key
	}
	if status, key := set(`{"key":"`+nextAPIv3Key+`"}`, ""); status != 200 || key != nextAPIv3Key || b.sim.APIv3Key() != nextAPIv3Key {
		t.Errorf("a key of mine: %d %s", status, key)
	}
	if status, key := set("", ""); status != 200 || len(key) != 32 || key == nextAPIv3Key || b.sim.APIv3Key() != key {
		t.Errorf("a drawn key: %d %s", status, key)
	}
	now := b.sim.APIv3Key()
	for _, wrong := range []struct{ body, origin string }{{`{"key":"x"}`, ""}, {`{`, ""}, {"", "http://evil.example"}} {
		if status, _ := set(wrong.body, wrong.origin); status < 400 || b.sim.APIv3Key() != now {
			t.Errorf("%+v: %d", wrong, status)
		}
	}
}

func TestAReplacedAPIv3KeySurvivesARestart(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state")
	b := setup(t, func(o *wechatpay.Options) { o.StateFile = state })
	if err := b.sim.SetAPIv3Key(nextAPIv3Key); err != nil {
		t.Fatal(err)
	}
	if err := b.sim.Close(); err != nil {
		t.Fatal(err)
	}
	again := setup(t, func(o *wechatpay.Options) { o.StateFile = state })
	if again.sim.APIv3Key() != nextAPIv3Key {
		t.Errorf("it is %s", again.sim.APIv3Key())
	}
}

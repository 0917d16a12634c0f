package alipay_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/alipay"
	simulator "guodu/mocks/alipay"
)

var nextKey = sync.OnceValue(newKey)

// hears says what a channel makes of a payment's notice that a key signed.
func hears(ch *alipay.Channel, key *rsa.PrivateKey) error {
	values := told().values()
	values.Set("sign_type", "RSA2")
	values.Set("sign", sign(key, canonical(values, "sign", "sign_type")))
	_, err := ch.ParseNotify(context.Background(), form(), []byte(values.Encode()))
	return err
}

func TestNoticesOfEveryKeyAreTakenAtOnce(t *testing.T) {
	cfg := config()
	cfg.MoreAlipayPublicKeys = []alipay.PublicKey{{PEM: spki(&nextKey().PublicKey)}}
	ch := mustNew(t, cfg)
	for name, key := range map[string]*rsa.PrivateKey{"present": alipayKey(), "next": nextKey()} {
		if err := hears(ch, key); err != nil {
			t.Errorf("a notice of the %s key: %v", name, err)
		}
	}
	mustBe(t, hears(ch, appKey()), channels.ErrNotice)
}

func TestAKeyIsInUseOnceItIsSetAndRefusedOnceItIsNot(t *testing.T) {
	answered := map[string]*rsa.PrivateKey{}
	ch := against(t, func(w http.ResponseWriter, r *http.Request) {
		node := paid().String()
		write(w, fmt.Sprintf(`{"%s":%s,"sign":"%s"}`, nodeOf(r), node, sign(answered["by"], node)))
	})
	old, next := alipay.PublicKey{PEM: spki(&alipayKey().PublicKey)}, alipay.PublicKey{PEM: spki(&nextKey().PublicKey)}
	for _, step := range []struct {
		name     string
		keys     []alipay.PublicKey
		old, new bool
	}{
		{"configured", nil, true, false},
		{"both", []alipay.PublicKey{old, next}, true, true},
		{"next alone", []alipay.PublicKey{next}, false, true},
	} {
		if step.keys != nil {
			if err := ch.SetKeys(step.keys); err != nil {
				t.Fatal(err)
			}
		}
		for key, want := range map[*rsa.PrivateKey]bool{alipayKey(): step.old, nextKey(): step.new} {
			answered["by"] = key
			_, err := ch.Query(t.Context(), orderNo)
			if heard := hears(ch, key); (heard == nil) != want || (err == nil) != want {
				t.Errorf("%s, want %t: a notice gives %v, an answer %v", step.name, want, heard, err)
			}
		}
	}
}

func TestKeysThatCannotBeUsedAreNamedAndTheOldOnesStay(t *testing.T) {
	simulated, err := simulator.GeneratePlatformKey()
	if err != nil {
		t.Fatal(err)
	}
	cfg := config()
	cfg.Production = true
	ch := mustNew(t, cfg)
	for name, tc := range map[string]struct {
		texts [][]byte
		want  string
	}{
		"none":             {nil, "want 1 to 4 public keys"},
		"too many":         {bytes.Split([]byte("a,b,c,d,e"), []byte(",")), "want 1 to 4 public keys"},
		"garbage":          {[][]byte{[]byte("guard this secret")}, "/keys/0.pem: want one PEM block"},
		"one of them":      {[][]byte{cfg.AlipayPublicKeyPEM, []byte("?")}, "/keys/1.pem: want one PEM block"},
		"app's own key":    {[][]byte{spki(&appKey().PublicKey)}, "/keys/0.pem: is the app's own key"},
		"simulator's key":  {[][]byte{spki(simulated.Public())}, "/keys/0.pem: is a simulator's"},
		"another key kind": {[][]byte{spki(elliptical().Public())}, "another kind of key"},
	} {
		t.Run(name, func(t *testing.T) {
			var keys []alipay.PublicKey
			for i, text := range tc.texts {
				keys = append(keys, alipay.PublicKey{PEM: text, Source: fmt.Sprintf("/keys/%d.pem", i)})
			}
			err := ch.SetKeys(keys)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "guard this secret") {
				t.Errorf("SetKeys = %v, want it to say %q", err, tc.want)
			}
			if err := hears(ch, alipayKey()); err != nil {
				t.Errorf("the old key is not believed any more: %v", err)
			}
		})
	}
}

func TestKeysChangeWhileNoticesFlow(t *testing.T) {
	ch := mustNew(t, config())
	body := []byte(told().signed().Encode())
	old, next := alipay.PublicKey{PEM: spki(&alipayKey().PublicKey)}, alipay.PublicKey{PEM: spki(&nextKey().PublicKey)}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if _, err := ch.ParseNotify(context.Background(), form(), body); err != nil {
					t.Errorf("a notice of the key that stays: %v", err)
				}
			}
		})
	}
	for i := range 100 {
		if err := ch.SetKeys([]alipay.PublicKey{next, old}[i%2:]); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

// A notice that names a certificate makes nobody fetch it.
func TestANamedCertificateCallsNobody(t *testing.T) {
	ch := waiting(t, func(http.ResponseWriter, *http.Request) { t.Error("the gateway was called") }, time.Second)
	for range 20 {
		values := told().signed()
		values.Set("alipay_cert_sn", "5100")
		_, err := ch.ParseNotify(context.Background(), form(), []byte(values.Encode()))
		mustBe(t, err, channels.ErrNotice)
	}
}

package wechat_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/wechat"
	"guodu/mocks/wechatpay"
)

const otherPublicKeyID = "PUB_KEY_ID_0000000000000024101100397200000007"

var certificateKey = sync.OnceValue(newKey)

// issued is a platform certificate of certificateKey, and its serial.
func issued(from, until time.Time, organization string) (certificate []byte, serial string) {
	number := make([]byte, 20)
	_, _ = rand.Read(number)
	number[0] = 0x51
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(number), NotBefore: from, NotAfter: until,
		Subject: pkix.Name{CommonName: "Tenpay.com sign", Organization: []string{organization}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &certificateKey().PublicKey, certificateKey())
	if err != nil {
		panic(err)
	}
	return block("CERTIFICATE", der), fmt.Sprintf("%X", number)
}

func valid() (certificate []byte, serial string) {
	return issued(noon().AddDate(-1, 0, 0), noon().AddDate(4, 0, 0), "Tenpay.com")
}

// signedBy are the headers of a message that a key signed under a serial.
func signedBy(key *rsa.PrivateKey, serial string, body []byte, at time.Time) http.Header {
	h := headers(body, at)
	h.Set("Wechatpay-Serial", serial)
	h.Set("Wechatpay-Signature", sign(key, strconv.FormatInt(at.Unix(), 10)+"\n"+h.Get("Wechatpay-Nonce")+"\n"+string(body)+"\n"))
	return h
}

// hears says what a channel makes of a payment's callback, signed so.
func hears(ch *wechat.Channel, key *rsa.PrivateKey, serial string, at time.Time) error {
	body := notice(paid().bytes()).bytes()
	_, err := ch.ParseNotify(context.Background(), signedBy(key, serial, body, at), body)
	return err
}

func only(public ...wechat.PublicKey) wechat.Keys { return wechat.Keys{Public: public} }

func first() wechat.PublicKey {
	return wechat.PublicKey{ID: publicKeyID, PEM: spki(&platformKey().PublicKey)}
}

func TestCallbacksOfEveryKeyAreTakenAtOnce(t *testing.T) {
	certificate, certificateSerial := valid()
	cfg := config()
	cfg.Keys = wechat.Keys{
		Public:       []wechat.PublicKey{{ID: otherPublicKeyID, PEM: spki(&certificateKey().PublicKey)}},
		Certificates: []wechat.Certificate{{PEM: certificate}},
	}
	ch := mustNew(t, cfg)
	for name, tc := range map[string]struct {
		key    *rsa.PrivateKey
		serial string
		want   error
	}{
		"public key":                      {platformKey(), publicKeyID, nil},
		"second public key":               {certificateKey(), otherPublicKeyID, nil},
		"certificate":                     {certificateKey(), certificateSerial, nil},
		"key under the other's name":      {certificateKey(), publicKeyID, channels.ErrNotice},
		"key under the certificate's":     {platformKey(), certificateSerial, channels.ErrNotice},
		"merchant's key, its certificate": {merchantKey(), serial, channels.ErrNotice},
		"serial in small letters":         {certificateKey(), strings.ToLower(certificateSerial), channels.ErrNotice},
	} {
		t.Run(name, func(t *testing.T) {
			err := hears(ch, tc.key, tc.serial, noon())
			if tc.want == nil && err != nil {
				t.Fatalf("ParseNotify: %v", err)
			}
			if tc.want != nil {
				mustBe(t, err, tc.want)
			}
		})
	}
}

func TestAKeyIsInUseOnceItIsSetAndRefusedOnceItIsNot(t *testing.T) {
	ch := mustNew(t, config())
	next := wechat.PublicKey{ID: otherPublicKeyID, PEM: spki(&certificateKey().PublicKey)}
	steps := []struct {
		keys     wechat.Keys
		old, new bool
	}{{only(first(), next), true, true}, {only(next), false, true}}
	if hears(ch, platformKey(), publicKeyID, noon()) != nil || hears(ch, certificateKey(), otherPublicKeyID, noon()) == nil {
		t.Fatal("the channel does not begin with the configured key alone")
	}
	for i, step := range steps {
		if err := ch.SetKeys(step.keys); err != nil {
			t.Fatal(err)
		}
		old, now := hears(ch, platformKey(), publicKeyID, noon()), hears(ch, certificateKey(), otherPublicKeyID, noon())
		if (old == nil) != step.old || (now == nil) != step.new {
			t.Errorf("step %d: the old key gives %v, the new one %v", i, old, now)
		}
	}
}

func TestACertificateCountsWhileItIsValid(t *testing.T) {
	certificate, certificateSerial := issued(noon(), noon().Add(time.Hour), "Tenpay.com")
	now := noon()
	cfg := config()
	cfg.Keys.Certificates = []wechat.Certificate{{PEM: certificate}}
	cfg.Clock = func() time.Time { return now }
	ch := mustNew(t, cfg)
	for _, tc := range []struct {
		at    time.Duration
		valid bool
	}{{-time.Second, false}, {0, true}, {time.Hour, true}, {time.Hour + time.Second, false}} {
		now = noon().Add(tc.at)
		err := hears(ch, certificateKey(), certificateSerial, now)
		if (err == nil) != tc.valid {
			t.Errorf("%v after it begins: %v", tc.at, err)
		}
		if !tc.valid {
			mustBe(t, err, channels.ErrNotice)
		}
	}
}

func TestKeysThatCannotBeUsedAreNamedAndTheOldOnesStay(t *testing.T) {
	good, _ := valid()
	expired, _ := issued(noon().AddDate(-2, 0, 0), noon().Add(-time.Second), "Tenpay.com")
	simulated, _ := issued(noon().AddDate(-1, 0, 0), noon().AddDate(4, 0, 0), "NOT FOR PRODUCTION")
	public := func(id string, text []byte) wechat.Keys {
		return only(wechat.PublicKey{ID: id, PEM: text, Source: "/keys/x.pem"})
	}
	certificates := func(texts ...[]byte) (keys wechat.Keys) {
		for _, text := range texts {
			keys.Certificates = append(keys.Certificates, wechat.Certificate{PEM: text, Source: "/keys/x.pem"})
		}
		return keys
	}
	cfg := config()
	cfg.Production = true
	ch := mustNew(t, cfg)
	for name, tc := range map[string]struct {
		keys wechat.Keys
		want string
	}{
		"none":                            {wechat.Keys{}, "valid now"},
		"garbage":                         {public(publicKeyID, []byte("guard this secret")), "/keys/x.pem: PublicKeyPEM: want one PEM block"},
		"public key without a name":       {public("", first().PEM), "/keys/x.pem: PublicKeyID: want PUB_KEY_ID_"},
		"simulator's key":                 {public(wechatpay.SimulatorKeyIDPrefix+"1", first().PEM), "/keys/x.pem: PublicKeyID: is a simulator's"},
		"merchant's key":                  {public(publicKeyID, spki(&merchantKey().PublicKey)), "merchant's own key"},
		"certificate that is a key":       {certificates(first().PEM), "/keys/x.pem: want one PEM block CERTIFICATE"},
		"certificate with broken content": {certificates(block("CERTIFICATE", []byte("x"))), "/keys/x.pem: want one PEM block CERTIFICATE"},
		"expired certificate alone":       {certificates(expired), "valid now"},
		"simulator's certificate":         {certificates(simulated), "/keys/x.pem: is a simulator's"},
		"certificate twice":               {certificates(good, good), "there twice"},
		"too many":                        {certificates(bytes.Split(bytes.Repeat([]byte("x"), 17), nil)...), "at most 16"},
	} {
		t.Run(name, func(t *testing.T) {
			err := ch.SetKeys(tc.keys)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "guard this secret") {
				t.Errorf("SetKeys = %v, want it to say %q", err, tc.want)
			}
			if err := hears(ch, platformKey(), publicKeyID, noon()); err != nil {
				t.Errorf("the old key is not believed any more: %v", err)
			}
		})
	}
	if err := ch.SetKeys(certificates(good, expired)); err != nil {
		t.Errorf("an expired certificate beside a valid one: %v", err)
	}
}

func TestNewTakesACertificateWithoutAPublicKey(t *testing.T) {
	certificate, certificateSerial := valid()
	cfg := config()
	cfg.PublicKeyID, cfg.PublicKeyPEM = "", nil
	cfg.Keys.Certificates = []wechat.Certificate{{PEM: certificate}}
	if err := hears(mustNew(t, cfg), certificateKey(), certificateSerial, noon()); err != nil {
		t.Error(err)
	}
}

// answering is a channel whose upstream counts what it is asked, and answers a
// query as a key says under a serial.
func answering(t *testing.T, cfg wechat.Config, key *rsa.PrivateKey, serial string) (*wechat.Channel, *atomic.Int64, *atomic.Value) {
	t.Helper()
	asked, named := &atomic.Int64{}, &atomic.Value{}
	base, transport := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		named.Store(r.Header.Get("Wechatpay-Serial"))
		body := paid().bytes()
		for name, values := range signedBy(key, serial, body, time.Now()) {
			w.Header()[name] = values
		}
		_, _ = w.Write(body)
	})
	cfg.APIBase, cfg.OAuthBase, cfg.Transport, cfg.Timeout = base, base, transport, 10*time.Second
	return mustNew(t, cfg), asked, named
}

func TestAnswersAreVerifiedByTheSameKeys(t *testing.T) {
	certificate, certificateSerial := valid()
	cfg := config()
	ch, _, named := answering(t, cfg, certificateKey(), certificateSerial)
	_, err := ch.Query(t.Context(), orderNo)
	mustBe(t, err, channels.ErrUnknownOutcome)
	if err := ch.SetKeys(wechat.Keys{Public: []wechat.PublicKey{first()}, Certificates: []wechat.Certificate{{PEM: certificate}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.Query(t.Context(), orderNo); err != nil || named.Load() != publicKeyID {
		t.Errorf("Query: %v, asked to answer with %v, want %s", err, named.Load(), publicKeyID)
	}
	soonOver, _ := issued(noon().AddDate(-1, 0, 0), noon().Add(time.Hour), "Tenpay.com")
	if err := ch.SetKeys(wechat.Keys{Certificates: []wechat.Certificate{{PEM: soonOver}, {PEM: certificate}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.Query(t.Context(), orderNo); err != nil || named.Load() != certificateSerial {
		t.Errorf("Query: %v, asked to answer with %v, want the certificate that lasts longest", err, named.Load())
	}
}

func TestAnUnknownSerialCallsNobody(t *testing.T) {
	ch, asked, _ := answering(t, config(), platformKey(), publicKeyID)
	for i := range 100 {
		mustBe(t, hears(ch, certificateKey(), fmt.Sprintf("51%038X", i), noon()), channels.ErrNotice)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("callbacks of unknown serials made %d requests", n)
	}
	unknown, asked, _ := answering(t, config(), certificateKey(), "5100")
	_, err := unknown.Query(t.Context(), orderNo)
	mustBe(t, err, channels.ErrUnknownOutcome)
	if n := asked.Load(); n != 1 {
		t.Errorf("an answer of an unknown serial made %d requests, want the question alone", n)
	}
}

func TestKeysChangeWhileCallbacksFlow(t *testing.T) {
	ch := mustNew(t, config())
	certificate, certificateSerial := valid()
	body := notice(paid().bytes()).bytes()
	flowing := []http.Header{
		signedBy(platformKey(), publicKeyID, body, noon()), signedBy(certificateKey(), certificateSerial, body, noon()),
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				_, err := ch.ParseNotify(context.Background(), flowing[i%2], body)
				if err != nil && i%2 == 0 {
					t.Errorf("a callback of the key that stays: %v", err)
				}
			}
		})
	}
	for i := range 100 {
		keys := only(first())
		if i%2 == 0 {
			keys.Certificates = []wechat.Certificate{{PEM: certificate}}
		}
		if err := ch.SetKeys(keys); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

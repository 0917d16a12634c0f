package wechatpay_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/certificates"

	"guodu/mocks/wechatpay"
)

func TestSDKRefusesOneFlippedByteAtEveryEndpoint(t *testing.T) {
	t.Parallel()
	c := converse(t, nil)
	for endpoint, call := range exchanges {
		times := 1
		if endpoint == wechatpay.EndpointBillDownload {
			times = 2 // the first download is thrown away
		}
		c.fail(endpoint, wechatpay.FaultFlipped, times)
		err := call(t.Context(), c)
		var refused *core.APIError
		if err == nil || errors.As(err, &refused) {
			t.Errorf("%s: %v, want an answer that does not verify", endpoint, err)
		}
	}
}

// flipper changes one byte of each answer's body.
type flipper struct {
	next http.RoundTripper
	at   int
	size int
}

func (f *flipper) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := f.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	f.size = len(body)
	if f.at >= 0 && f.at < len(body) {
		body[f.at] ^= 1
	}
	res.Body = io.NopCloser(strings.NewReader(string(body)))
	return res, err
}

func TestSDKRefusesAFlipOfAnyByte(t *testing.T) {
	t.Parallel()
	c := converse(t, nil)
	f := &flipper{next: c.transport().Transport, at: -1}
	client, err := core.NewClient(t.Context(), option.WithHTTPClient(&http.Client{Transport: f}),
		option.WithWechatPayPublicKeyAuthCipher(mchID, merchantKey().Serial, c.key, c.sim.PublicKeyID(), c.platformKey()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Get(t.Context(), realAPI+queryURL("CONFPAID"))
	if err != nil {
		t.Fatal(err)
	}
	for f.at = range f.size {
		_, err = client.Get(t.Context(), realAPI+queryURL("CONFPAID"))
		if err == nil {
			t.Errorf("byte %d was changed and believed", f.at)
		}
	}
}

func TestSDKFollowsCertificates(t *testing.T) {
	t.Parallel()
	c := converse(t, func(o *wechatpay.Options) { o.Profile.Keys = wechatpay.KeysCertificate })
	ctx := t.Context()
	manager := downloader.NewCertificateDownloaderMgrWithInterval(ctx, time.Hour)
	defer manager.Stop()
	first := newClient(c.bench, option.WithMerchantCredential(mchID, merchantKey().Serial, c.key), option.WithoutValidator())
	err := manager.RegisterDownloaderWithClient(ctx, first, mchID, apiV3Key)
	if err != nil {
		t.Fatal(err)
	}
	c.client = newClient(c.bench, option.WithWechatPayAutoAuthCipherUsingDownloaderMgr(mchID, merchantKey().Serial, c.key, manager))
	_, err = c.sim.AnnounceCertificate()
	if err != nil {
		t.Fatal(err)
	}
	manager.DownloadCertificates(ctx)
	c.sim.UseNewCertificate()
	api := certificates.CertificatesApiService{Client: c.client}
	list, _, err := api.DownloadCertificates(ctx)
	if err != nil || len(list.Data) != 2 {
		t.Fatalf("certificates: %v, %v", list, err)
	}
	for endpoint, call := range exchanges {
		if err = call(ctx, c); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

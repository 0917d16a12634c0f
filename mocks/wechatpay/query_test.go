package wechatpay_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func keys(t testing.TB, body []byte) []string {
	t.Helper()
	var m map[string]any
	err := json.Unmarshal(body, &m)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestUnpaidOrderShowsItsStateOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.prepay(orderForm("QUERY001"))
	r := b.call(http.MethodGet, queryURL("QUERY001"), "")
	b.want(r, http.StatusOK, "")
	want := []string{"appid", "mchid", "out_trade_no", "trade_state", "trade_state_desc"}
	if got := keys(t, r.body); !slices.Equal(got, want) {
		t.Fatalf("fields are %v, want %v", got, want)
	}
}

func TestPaidOrderShowsBeijingTime(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.paid(orderForm("QUERY002"))
	r := b.call(http.MethodGet, queryURL("QUERY002"), "")
	b.want(r, http.StatusOK, "")
	if !strings.Contains(string(r.body), `"success_time":"2026-03-02T18:00:00+08:00"`) {
		t.Fatalf("answer is %s", r.body)
	}
}

func TestQueriesThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.prepay(orderForm("QUERY003"))
	const byNo, byID = "/v3/pay/transactions/out-trade-no/", "/v3/pay/transactions/id/"
	for name, c := range map[string]struct {
		url    string
		status int
		code   string
	}{
		"unknown number":         {queryURL("QUERY999"), 404, "ORDER_NOT_EXIST"},
		"malformed number":       {byNo + "a.b?mchid=" + mchID, 400, "PARAM_ERROR"},
		"overlong number":        {queryURL(strings.Repeat("1", 33)), 400, "PARAM_ERROR"},
		"no mchid":               {byNo + "QUERY003", 400, "PARAM_ERROR"},
		"other mchid":            {byNo + "QUERY003?mchid=1900000108", 400, "INVALID_REQUEST"},
		"unknown transaction":    {byID + strings.Repeat("4", 28) + "?mchid=" + mchID, 404, "ORDER_NOT_EXIST"},
		"overlong transaction":   {byID + strings.Repeat("4", 33) + "?mchid=" + mchID, 400, "PARAM_ERROR"},
		"other mchid on the id":  {byID + "42?mchid=1900000108", 400, "INVALID_REQUEST"},
		"order no. is not an id": {byID + "QUERY003?mchid=" + mchID, 404, "ORDER_NOT_EXIST"},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.in(t)
			b.want(b.call(http.MethodGet, c.url, ""), c.status, c.code)
		})
	}
}

func TestCloseRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.prepay(orderForm("CLOSE001"))
	for name, c := range map[string]struct {
		url, body string
		status    int
		code      string
	}{
		"unknown number":  {closeURL("CLOSE999"), closeBody, 404, "ORDER_NOT_EXIST"},
		"no mchid":        {closeURL("CLOSE001"), "{}", 400, "PARAM_ERROR"},
		"something after": {closeURL("CLOSE001"), closeBody + "{}", 400, "PARAM_ERROR"},
		"extra field":     {closeURL("CLOSE001"), `{"mchid":"` + mchID + `","a":1}`, 400, "PARAM_ERROR"},
		"other mchid":     {closeURL("CLOSE001"), `{"mchid":"1900000108"}`, 400, "INVALID_REQUEST"},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.in(t)
			b.want(b.call(http.MethodPost, c.url, c.body), c.status, c.code)
		})
	}
}

func TestCloseAnswersASigned204TwiceAndCountsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.prepay(orderForm("CLOSE002"))
	for range 2 {
		r := b.call(http.MethodPost, closeURL("CLOSE002"), closeBody)
		b.want(r, http.StatusNoContent, "")
		if len(r.body) != 0 {
			t.Fatalf("204 has the body %q", r.body)
		}
	}
	if n := b.sim.Count("closed"); n != 1 {
		t.Fatalf("closed counts %d, want 1", n)
	}
	r := b.call(http.MethodGet, queryURL("CLOSE002"), "")
	if !strings.Contains(string(r.body), `"trade_state":"CLOSED"`) {
		t.Fatalf("order is %s, want CLOSED", r.body)
	}
}

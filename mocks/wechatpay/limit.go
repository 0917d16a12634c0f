package wechatpay

import (
	"maps"
	"sync"
	"time"
)

// documentedRates are requests per second of one merchant.
// (Source: 申请退款, 查询单笔退款, JSAPI下单.)
var documentedRates = map[string]int{
	EndpointPrepay: 500, EndpointRefund: 150, EndpointRefundQuery: 300, EndpointRefundFailing: 6,
}

// limits counts requests by the seconds of the clock.
type limits struct {
	mu    sync.Mutex
	rates map[string]int
	used  map[string]int
	at    map[string]int64
}

func newLimits(own map[string]int) *limits {
	l := &limits{rates: maps.Clone(documentedRates), used: map[string]int{}, at: map[string]int64{}}
	maps.Copy(l.rates, own)
	return l
}

// take says whether one more is within the rate.
func (l *limits) take(name string, now time.Time) bool {
	rate := l.rates[name]
	if rate <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	second := now.Unix()
	if l.at[name] != second {
		l.at[name], l.used[name] = second, 0
	}
	l.used[name]++
	return l.used[name] <= rate
}

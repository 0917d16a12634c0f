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

// limits has a bucket of tokens for each endpoint: a second's worth, refilled
// with time.
type limits struct {
	mu     sync.Mutex
	rates  map[string]int
	filled map[string]float64
	at     map[string]time.Time
}

func newLimits(own map[string]int) *limits {
	l := &limits{rates: maps.Clone(documentedRates), filled: map[string]float64{}, at: map[string]time.Time{}}
	maps.Copy(l.rates, own)
	return l
}

// take says whether one more is within the rate.
func (l *limits) take(name string, now time.Time) bool {
	rate := float64(l.rates[name])
	if rate <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.at[name]
	if !known {
		l.filled[name] = rate
	}
	l.filled[name] = min(rate, l.filled[name]+rate*now.Sub(last).Seconds())
	l.at[name] = now
	if l.filled[name] < 1 {
		return false
	}
	l.filled[name]--
	return true
}

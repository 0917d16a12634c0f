package wechatpay

import "guodu/mocks/sim"

// The stages at which [Sim.pack] lets a trick in. All work on a nil trick.

func (t *trick) atContent(c *transaction) {
	if t != nil && t.content != nil {
		t.content(c)
	}
}

func (t *trick) atSealing(s *Sim, how *sealing) {
	if t != nil && t.sealing != nil {
		t.sealing(s, how)
	}
}

func (t *trick) atEnvelope(e *envelope) {
	if t != nil && t.envelope != nil {
		t.envelope(e)
	}
}

func (t *trick) atBody(p *sim.Parcel) {
	if t != nil && t.body != nil {
		t.body(p)
	}
}

func (t *trick) atStamp(st *stamp) {
	if t != nil && t.stamp != nil {
		t.stamp(st)
	}
}

func (t *trick) atParcel(s *Sim, key platformKey, p *sim.Parcel) error {
	if t == nil || t.parcel == nil {
		return nil
	}
	return t.parcel(s, key, p)
}

package wechatpay

import (
	"errors"
	"net/http"

	"guodu/mocks/sim"
)

// closeOrder is 关闭订单: 204 with an empty, signed body.
func (s *Sim) closeOrder(c *sim.Call) answer {
	var body struct {
		MchID string `json:"mchid"`
	}
	no := c.Request.PathValue("no")
	c.Order = no
	_, wrong := s.read(c.Body, []field{{name: "mchid", required: true, min: 1, max: 32}}, &body)
	if wrong != nil {
		return wrong.answer()
	}
	if body.MchID != s.opts.MchID {
		return mchMismatch().answer()
	}
	if c.Fault.Kind == FaultPaidAtClose {
		s.payAtClose(no)
	}
	did, err := s.orders.close(no)
	switch {
	case errors.Is(err, ErrOrderPaid):
		return prepayRefusal(err).answer()
	case err != nil:
		return notExist().answer()
	}
	if did {
		s.stand.Counts.Add("closed")
	}
	return answer{status: http.StatusNoContent, signed: s.does(BSigned204)}
}

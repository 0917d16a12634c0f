package wechatpay

import (
	"errors"
	"net/http"
)

// closeOrder is 关闭订单: 204 with an empty, signed body.
func (s *Sim) closeOrder(c *call) answer {
	tree, wrong := decode(c.body)
	if wrong == nil {
		wrong = checkObject("", []field{{name: "mchid", required: true, min: 1, max: 32}}, tree)
	}
	if wrong != nil {
		return wrong.answer()
	}
	if tree["mchid"] != s.opts.MchID {
		return mchMismatch().answer()
	}
	did, err := s.orders.close(c.request.PathValue("no"))
	switch {
	case errors.Is(err, ErrOrderPaid):
		return prepayRefusal(err).answer()
	case err != nil:
		return notExist().answer()
	}
	if did {
		s.counts.add("closed")
	}
	return answer{status: http.StatusNoContent, signed: true}
}

package alipay

import (
	"net/http"

	"guodu/mocks/sim"
)

// dialect is how one family of endpoints says that it is in trouble.
type dialect func(*Sim, *call, sim.FaultKind) answer

func inGateway(s *Sim, c *call, kind sim.FaultKind) answer {
	switch kind {
	case sim.FaultErrorBefore, sim.FaultErrorAfter:
		return s.fail(c, unavailable())
	case FaultSystemErrorBefore, FaultSystemErrorAfter:
		return s.fail(c, systemError())
	case sim.FaultTooMany:
		return s.fail(c, callLimited())
	case sim.FaultBadGateway, sim.FaultGzipPage:
		return badGateway(kind == sim.FaultGzipPage)
	}
	if code, general := generalRefusals[string(kind)]; general {
		return s.fail(c, refuse(code, string(kind), messages[code]))
	}
	return s.fail(c, refuse("40004", string(kind), "业务处理失败"))
}

func inPage(_ *Sim, _ *call, kind sim.FaultKind) answer {
	switch kind {
	case sim.FaultTooMany:
		return textPage(http.StatusTooManyRequests, "系统繁忙，请稍后再试")
	case sim.FaultBadGateway, sim.FaultGzipPage:
		return badGateway(kind == sim.FaultGzipPage)
	}
	return textPage(http.StatusInternalServerError, "系统错误")
}

func inBridge(_ *Sim, _ *call, kind sim.FaultKind) answer {
	switch kind {
	case sim.FaultTooMany:
		return bridge(resultNetwork, "")
	case sim.FaultBadGateway, sim.FaultGzipPage:
		return badGateway(kind == sim.FaultGzipPage)
	}
	return bridge(resultUnknown, "")
}

// bend changes an answer that is about to be signed.
func bend(_ *sim.Call, a answer, kind sim.FaultKind) answer {
	switch kind {
	case FaultUnsigned:
		a.signed = false
	case FaultFlipped:
		a.flipped = a.signed
	}
	return a
}

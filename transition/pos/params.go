package pos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"guodu/internal/redisx"
)

// ErrParams says that a text cannot be terminals' parameters.
var ErrParams = errors.New("not parameters")

// paramsMax bounds parameters in bytes: a sign-in carries them.
const paramsMax = 8 << 10

// How often terminals beat: the parameter that says it, in seconds, and what holds
// without it.
const (
	heartbeatName    = "heartbeat_s"
	heartbeatDefault = 60
)

type paramsCall struct {
	Params string `key:"params"`
	Values string `arg:"values"`
	Now    int64  `arg:"now"`
}

type paramsReply struct {
	Tag     string
	Version string `reply:"version"`
}

var paramsSet = redisx.MustLoad[paramsCall, paramsReply](scripts, "params_set")

// Params are settings that all terminals fetch.
type Params struct {
	Version int64           `json:"version"`          // 0: none were ever set
	Values  json.RawMessage `json:"values,omitempty"` // one JSON object; left out on the wire if the terminal has it
}

func (p Params) heartbeat() int64 {
	var values map[string]json.RawMessage // a struct would take names in any case
	var seconds int64
	if json.Unmarshal(p.Values, &values) != nil || json.Unmarshal(values[heartbeatName], &seconds) != nil || seconds <= 0 {
		return heartbeatDefault
	}
	return seconds
}

// checkHeartbeat refuses what heartbeat would not read, and a name that somebody else
// could take for it.
func checkHeartbeat(values map[string]any) error {
	for name, value := range values {
		if !strings.EqualFold(name, heartbeatName) {
			continue
		}
		if name != heartbeatName {
			return fmt.Errorf("%w: %s must be written %s", ErrParams, name, heartbeatName)
		}
		number, _ := value.(json.Number)
		n, err := strconv.Atoi(number.String())
		if err != nil || n < 1 || n > 3600 {
			return fmt.Errorf("%w: %s must be a whole number from 1 to 3600", ErrParams, heartbeatName)
		}
	}
	return nil
}

func (r *Registry) paramsKey() string { return r.prefix + "params" }

// Params are the parameters in force.
// Errors: redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (r *Registry) Params(ctx context.Context) (Params, error) {
	h, err := r.run.Client().HGetAll(ctx, r.paramsKey()).Result()
	if err != nil {
		return Params{}, fmt.Errorf("read parameters: %w", redisx.Classify(err))
	}
	p := Params{Version: count(h["version"]), Values: json.RawMessage(h["values"])}
	if p.Version == 0 {
		p.Values = json.RawMessage(`{}`)
	}
	return p, nil
}

// SetParams puts parameters in force, one JSON object. The same ones keep their
// version; others raise it.
// Errors: ErrParams.
func (r *Registry) SetParams(ctx context.Context, text []byte, now time.Time) (Params, error) {
	values := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return Params{}, fmt.Errorf("%w: not one JSON object: %w", ErrParams, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Params{}, fmt.Errorf("%w: more than one JSON value", ErrParams)
	}
	if values == nil {
		return Params{}, fmt.Errorf("%w: null", ErrParams)
	}
	if err := checkHeartbeat(values); err != nil {
		return Params{}, err
	}
	canonical, err := json.Marshal(values) // sorted, so that the same values are the same text
	if err != nil {
		return Params{}, fmt.Errorf("%w: %w", ErrParams, err)
	}
	if len(canonical) > paramsMax {
		return Params{}, fmt.Errorf("%w: %d bytes, at most %d", ErrParams, len(canonical), paramsMax)
	}
	reply, err := paramsSet.Run(ctx, r.run, paramsCall{Params: r.paramsKey(), Values: string(canonical), Now: now.UnixMilli()})
	if err != nil {
		return Params{}, err
	}
	return Params{Version: count(reply.Version), Values: canonical}, nil
}

func (h *Handler) params(c call) (any, error) {
	query, err := c.query("since")
	if err != nil {
		return nil, err
	}
	since := int64(-1)
	if text, found := query["since"]; found {
		since, err = strconv.ParseInt(text, 10, 64)
		if err != nil || since < 0 || since > numberMax {
			return nil, fmt.Errorf("%w: since must be a version", errMalformed)
		}
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	params, err := h.config.Registry.Params(c.ctx)
	if err != nil {
		return nil, err
	}
	if since == params.Version {
		params.Values = nil
	}
	return params, nil
}

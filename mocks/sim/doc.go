// Package sim is what any simulated payment gateway needs and no two of them
// should write: a virtual clock, seeded dice, counters, a table of behaviours
// with a switch for each, faults and scenarios, a state file, a timeline of what
// went over the wire, callbacks with a schedule of repeats, shapes of messages
// that vary as in production ([Object], [Oddity]), and an admin handler. It knows no channel: no signature, no field name and no error code
// lives here.
//
// A simulator owns one [Host] (listener and background work), one [Stand] (what
// every endpoint shares) and makes its paths with [Serve]: a request is read,
// a fault may come before the work, the work is done, a fault may come after
// it, and what went out is noted in the [Timeline]. Callbacks are errands of a
// [Courier], which repeats them on the [Clock]. [Admin] shows all of it under
// /_sim/ to the person and the test on this machine.
//
// Callers: mocks/wechatpay and mocks/alipay. Everything here is safe for
// concurrent use unless it says otherwise.
package sim

// A WeixinJSBridge for pages outside of WeChat: it opens the simulator's cashier
// in a frame. Not for production: no money moves here.
(function () {
  var base = new URL(document.currentScript.src).origin;
  function invoke(name, request, callback) {
    if (name !== "getBrandWCPayRequest") {
      callback({err_msg: name + ":fail"});
      return;
    }
    var frame = document.createElement("iframe");
    frame.src = base + "/_sim/cashier?" + new URLSearchParams(request);
    frame.style.cssText = "position:fixed;inset:0;width:100%;height:100%;border:0;z-index:2147483647;background:#ededed";
    function hear(event) {
      if (event.origin !== base || !event.data || !event.data.simCashier) return;
      window.removeEventListener("message", hear);
      frame.remove();
      callback({err_msg: event.data.err_msg, err_desc: event.data.err_desc});
    }
    window.addEventListener("message", hear);
    document.body.appendChild(frame);
  }
  window.WeixinJSBridge = {invoke: invoke, on: function () {}, call: function () {}};
  function ready() { document.dispatchEvent(new Event("WeixinJSBridgeReady")); }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else setTimeout(ready, 0);
})();

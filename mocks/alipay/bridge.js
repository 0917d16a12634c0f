// AlipayJSBridge for a page outside of the app, against the simulator that
// serves this file: <script src="http://127.0.0.1:PORT/_sim/bridge.js"></script>
(function () {
  "use strict";
  var base = document.currentScript.src.replace(/\/_sim\/bridge\.js.*$/, "");
  window.AlipayJSBridge = {
    call: function (name, options, done) {
      done = done || function () {};
      if (name !== "tradePay") {
        done({ error: 1, errorMessage: "simulator: only tradePay" });
        return;
      }
      var request = { tradeNO: options.tradeNO, cancel: !window.confirm("支付宝（模拟）：付款 " + options.tradeNO + "？") };
      fetch(base + "/_sim/cashier", {
        method: "POST",
        credentials: "include",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(request),
      })
        .then(function (answer) { return answer.json(); })
        .then(done, function () { done({ resultCode: "6002" }); });
    },
  };
  document.dispatchEvent(new Event("AlipayJSBridgeReady"));
})();

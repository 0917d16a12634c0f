// Opens the app's pay sheet, once a press, and then the order's page: what the
// app returns is not looked at.
(function () {
  'use strict';
  var params = JSON.parse(document.getElementById('params').textContent);
  var button = document.getElementById('pay');
  function done() { location.href = document.getElementById('order').href; }
  function pay() { window.WeixinJSBridge.invoke('getBrandWCPayRequest', params, done); }
  button.addEventListener('click', function () {
    button.disabled = true;
    if (window.WeixinJSBridge) {
      pay();
    } else {
      document.addEventListener('WeixinJSBridgeReady', pay, { once: true });
    }
  });
})();

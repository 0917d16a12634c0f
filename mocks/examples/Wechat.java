// WeChat Pay with the JDK alone (17 or newer): order, verify, query.
// MOCKPAY=http://127.0.0.1:9000 java Wechat.java
import java.net.URI;
import java.net.http.*;
import java.security.*;
import java.security.spec.*;
import java.util.*;
import java.util.regex.Pattern;

class Wechat {
    static final HttpClient http = HttpClient.newHttpClient();
    static String shop; // the wechat half of merchant.json

    // A program of yours has a JSON library; this one makes do without.
    static String field(String json, String name) {
        var found = Pattern.compile('"' + name + "\": ?\"([^\"]*)\"").matcher(json);
        if (!found.find()) throw new IllegalStateException("no " + name + " in " + json);
        return found.group(1);
    }

    static byte[] pem(String name) {
        return Base64.getMimeDecoder().decode(field(shop, name).replaceAll("-----[A-Z ]+-----|\\\\n", ""));
    }

    static String call(String method, String path, String body) throws Exception {
        var now = String.valueOf(System.currentTimeMillis() / 1000);
        var nonce = UUID.randomUUID().toString().replace("-", "");
        var keys = KeyFactory.getInstance("RSA");
        var rsa = Signature.getInstance("SHA256withRSA");
        rsa.initSign(keys.generatePrivate(new PKCS8EncodedKeySpec(pem("merchant_private_key"))));
        rsa.update(String.join("\n", method, path, now, nonce, body, "").getBytes("UTF-8"));
        var authorization = "WECHATPAY2-SHA256-RSA2048 "
            + "mchid=\"%s\",nonce_str=\"%s\",timestamp=\"%s\",serial_no=\"%s\",signature=\"%s\"".formatted(field(shop, "mch_id"),
                nonce, now, field(shop, "merchant_serial"), Base64.getEncoder().encodeToString(rsa.sign()));
        var answer = http.send(HttpRequest.newBuilder(URI.create(field(shop, "base") + path))
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .headers("Accept", "application/json", "Content-Type", "application/json", "Authorization", authorization,
                "Wechatpay-Serial", field(shop, "platform_public_key_id")).build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IllegalStateException(answer.statusCode() + " " + answer.body());
        var head = answer.headers();
        rsa.initVerify(keys.generatePublic(new X509EncodedKeySpec(pem("platform_public_key"))));
        rsa.update(String.join("\n", head.firstValue("Wechatpay-Timestamp").get(), head.firstValue("Wechatpay-Nonce").get(),
            answer.body(), "").getBytes("UTF-8"));
        if (!rsa.verify(Base64.getDecoder().decode(head.firstValue("Wechatpay-Signature").get())))
            throw new SignatureException("the answer is not signed by WeChat Pay");
        return answer.body();
    }

    public static void main(String[] args) throws Exception {
        var all = http.send(HttpRequest.newBuilder(URI.create(System.getenv("MOCKPAY") + "/merchant.json")).build(),
            HttpResponse.BodyHandlers.ofString()).body();
        shop = all.substring(all.indexOf("\"wechat\""), all.indexOf("\"alipay\""));
        var order = "java" + System.currentTimeMillis() + ProcessHandle.current().pid();
        call("POST", "/v3/pay/transactions/jsapi", """
            {"appid":"%s","mchid":"%s","description":"tea","out_trade_no":"%s","notify_url":"http://127.0.0.1:8000/notify",
             "amount":{"total":1},"payer":{"openid":"%s"}}""".formatted(
            field(shop, "app_id"), field(shop, "mch_id"), order, field(shop, "payer_openid")));
        var answer = call("GET", "/v3/pay/transactions/out-trade-no/" + order + "?mchid=" + field(shop, "mch_id"), "");
        System.out.println("WeChat Pay: order " + order + " is " + field(answer, "trade_state"));
    }
}

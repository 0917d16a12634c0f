// Receive callbacks of WeChat Pay with the JDK alone (17 or newer): verify, decrypt, answer.
// MOCKPAY=http://127.0.0.1:9000 PORT=8000 java WechatReceive.java
import com.sun.net.httpserver.*;
import java.net.*;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.security.*;
import java.security.spec.X509EncodedKeySpec;
import java.util.*;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.spec.*;

class WechatReceive {
    static String shop; // the wechat half of merchant.json

    // A program of yours has a JSON library; this one makes do without.
    static String field(String json, String name) {
        var found = Pattern.compile('"' + name + "\": ?\"?([^\",}]*)").matcher(json);
        if (!found.find()) throw new IllegalStateException("no " + name);
        return found.group(1);
    }

    // Is it WeChat Pay's, of now, and unchanged? The body is the bytes as they came.
    static void verify(Headers head, byte[] body) throws Exception {
        var time = head.getFirst("Wechatpay-Timestamp");
        if (time == null || Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(time)) >= 300)
            throw new SignatureException("it is of another time");
        if (!field(shop, "platform_public_key_id").equals(head.getFirst("Wechatpay-Serial")))
            throw new SignatureException("its key is unknown");
        if (!"WECHATPAY2-SHA256-RSA2048".equals(head.getFirst("Wechatpay-Signature-Type")))
            throw new SignatureException("its signature is of another kind");
        var der = Base64.getMimeDecoder().decode(field(shop, "platform_public_key").replaceAll("-----[A-Z ]+-----|\\\\n", ""));
        var rsa = Signature.getInstance("SHA256withRSA");
        rsa.initVerify(KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(der)));
        rsa.update((time + "\n" + head.getFirst("Wechatpay-Nonce") + "\n").getBytes(StandardCharsets.UTF_8));
        rsa.update(body);
        rsa.update((byte) '\n');
        if (!rsa.verify(Base64.getDecoder().decode(head.getFirst("Wechatpay-Signature"))))
            throw new SignatureException("the signature does not hold");
    }

    static String decrypt(String body) throws Exception {
        var nonce = field(body, "nonce").getBytes(StandardCharsets.UTF_8);
        if (!field(body, "algorithm").equals("AEAD_AES_256_GCM") || nonce.length != 12)
            throw new SignatureException("it is not encrypted as agreed");
        var aes = Cipher.getInstance("AES/GCM/NoPadding");
        var key = field(shop, "api_v3_key").getBytes(StandardCharsets.UTF_8);
        aes.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, nonce));
        aes.updateAAD(field(body, "associated_data").getBytes(StandardCharsets.UTF_8));
        return new String(aes.doFinal(Base64.getDecoder().decode(field(body, "ciphertext"))), StandardCharsets.UTF_8); // checks the tag
    }

    static void receive(HttpExchange call) throws java.io.IOException {
        var body = call.getRequestBody().readAllBytes(); // a program of yours limits the length
        try {
            verify(call.getRequestHeaders(), body);
            var event = decrypt(new String(body, StandardCharsets.UTF_8));
            if (!field(event, "mchid").equals(field(shop, "mch_id")) || !field(event, "appid").equals(field(shop, "app_id")))
                throw new IllegalStateException("it is for somebody else");
            // Compare the amount with your order's, credit it once, and only then say yes.
            if (field(event, "trade_state").equals("SUCCESS"))
                System.out.println("WeChat Pay: order " + field(event, "out_trade_no") + " is paid, " + field(event, "total") + " fen");
            call.sendResponseHeaders(204, -1);
        } catch (Exception problem) {
            System.out.println("WeChat Pay: refused, " + problem);
            call.sendResponseHeaders(401, -1);
        } finally {
            call.close();
        }
    }

    public static void main(String[] args) throws Exception {
        var all = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(System.getenv("MOCKPAY") + "/merchant.json")).build(),
            HttpResponse.BodyHandlers.ofString()).body();
        shop = all.substring(all.indexOf("\"wechat\""), all.indexOf("\"alipay\""));
        var port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8000"));
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/", WechatReceive::receive);
        server.start();
        System.out.println("listens on http://127.0.0.1:" + server.getAddress().getPort() + "/notify");
    }
}

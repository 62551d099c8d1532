package rohrpost.xta;

import com.google.gson.JsonObject;
import de.xoev.transport.xta._211.ManagementPortType;
import de.xoev.transport.xta._211.MsgBoxPortType;
import de.xoev.transport.xta._211.SendPortType;
import de.xoev.transport.xta._211.XTAService;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.soap.MTOMFeature;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManagerFactory;
import org.apache.cxf.BusFactory;
import org.apache.cxf.configuration.jsse.TLSClientParameters;
import org.apache.cxf.endpoint.Client;
import org.apache.cxf.frontend.ClientProxy;
import org.apache.cxf.message.Message;
import org.apache.cxf.transport.http.HTTPConduit;
import org.apache.cxf.ws.addressing.WSAddressingFeature;
import org.apache.cxf.ws.policy.PolicyEngine;

/** The three ports as proxies, made once for each partner and way of speaking. */
final class Ports {
    private record Kind(String path, Class<?> type) {}

    private static final List<Kind> KINDS = List.of(
        new Kind("management", ManagementPortType.class),
        new Kind("send", SendPortType.class),
        new Kind("msgbox", MsgBoxPortType.class));

    private static final char[] PASSWORD = "partner".toCharArray();

    private final XTAService service;
    private final Map<List<Object>, Object> made = new HashMap<>();

    Ports(URL wsdl) {
        // The WSDL's policies ask for more than anybody speaks; as every known client, this one leaves them aside.
        BusFactory.getDefaultBus().getExtension(PolicyEngine.class).setEnabled(false);
        service = new XTAService(wsdl);
    }

    static Method method(String operation) {
        Stream<Method> all = KINDS.stream().flatMap(kind -> Stream.of(kind.type().getMethods()));
        return all.filter(method -> method.getName().equals(operation)).findFirst().orElseThrow();
    }

    Object port(Class<?> type, JsonObject call) throws IOException, GeneralSecurityException {
        boolean mtom = call.get("mtom").getAsBoolean();
        boolean checked = call.get("checked").getAsBoolean();
        String hub = call.get("hub").getAsString();
        String partner = call.get("partner").getAsString();
        List<Object> key = List.of(type, mtom, checked, hub, partner);
        Object known = made.get(key);
        if (known != null) {
            return known;
        }
        Object port = service.getPort(type, new WSAddressingFeature(), new MTOMFeature(mtom));
        Kind kind = KINDS.stream().filter(one -> one.type() == type).findFirst().orElseThrow();
        Map<String, Object> context = ((BindingProvider) port).getRequestContext();
        context.put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, hub + "/xta/" + kind.path());
        context.put(Message.SCHEMA_VALIDATION_ENABLED, checked);
        Client client = ClientProxy.getClient(port);
        // What comes is judged by the endpoint's property, what goes by the call's.
        client.getEndpoint().put(Message.SCHEMA_VALIDATION_ENABLED, checked);
        Wire.watch(client);
        ((HTTPConduit) client.getConduit()).setTlsClientParameters(
            tls(Path.of(call.get("folder").getAsString()), partner));
        made.put(key, port);
        return port;
    }

    /** Trusts the authority in the folder, and shows the partner's certificate. "nobody" has none. */
    private static TLSClientParameters tls(Path folder, String partner) throws IOException, GeneralSecurityException {
        TLSClientParameters tls = new TLSClientParameters();
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        try (InputStream pem = Files.newInputStream(folder.resolve("ca.pem"))) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        tls.setTrustManagers(trust.getTrustManagers());
        if (!partner.equals("nobody")) {
            KeyStore own = KeyStore.getInstance("PKCS12");
            try (InputStream file = Files.newInputStream(folder.resolve(partner + ".p12"))) {
                own.load(file, PASSWORD);
            }
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(own, PASSWORD);
            tls.setKeyManagers(keys.getKeyManagers());
        }
        return tls;
    }
}

package rohrpost.xta;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.cxf.endpoint.Client;
import org.apache.cxf.interceptor.AttachmentInInterceptor;
import org.apache.cxf.interceptor.AttachmentOutInterceptor;
import org.apache.cxf.interceptor.Fault;
import org.apache.cxf.message.Message;
import org.apache.cxf.phase.AbstractPhaseInterceptor;
import org.apache.cxf.phase.Phase;
import org.apache.cxf.ws.addressing.AddressingProperties;
import org.apache.cxf.ws.addressing.JAXWSAConstants;

/** What one call looked like on the wire: seen by interceptors, since proxies show none of it. */
final class Wire {
    /** The calls come one by one. */
    private static Wire current = new Wire();

    /** What WS-Addressing says in the request. */
    private String action;
    private String messageId;
    /** Content-Type of the request and of the answer. */
    private String sent;
    private String came;
    /** The answer's envelope as it came. */
    private String envelope;

    Object during(Callable<Object> call) throws Exception {
        current = this;
        return call.call();
    }

    static void watch(Client client) {
        client.getOutInterceptors().add(new Out());
        client.getInInterceptors().add(new In());
    }

    private static final class Out extends AbstractPhaseInterceptor<Message> {
        Out() {
            super(Phase.PRE_STREAM);
            addAfter(AttachmentOutInterceptor.class.getName());
        }

        @Override
        public void handleMessage(Message message) {
            AddressingProperties addressing =
                (AddressingProperties) message.get(JAXWSAConstants.ADDRESSING_PROPERTIES_OUTBOUND);
            current.action = addressing.getAction().getValue();
            current.messageId = addressing.getMessageID().getValue();
            current.sent = String.valueOf(message.get(Message.CONTENT_TYPE));
        }
    }

    private static final class In extends AbstractPhaseInterceptor<Message> {
        In() {
            super(Phase.RECEIVE);
            addAfter(AttachmentInInterceptor.class.getName());
        }

        @Override
        public void handleMessage(Message message) {
            Map<?, ?> headers = (Map<?, ?>) message.get(Message.PROTOCOL_HEADERS);
            Object type = headers.get("Content-Type");
            current.came = type instanceof List<?> list ? String.valueOf(list.get(0)) : String.valueOf(type);
            try (InputStream root = message.getContent(InputStream.class)) {
                byte[] bytes = root.readAllBytes();
                current.envelope = new String(bytes, StandardCharsets.UTF_8);
                message.setContent(InputStream.class, new ByteArrayInputStream(bytes));
            } catch (IOException broken) {
                throw new Fault(broken);
            }
        }
    }
}

package rohrpost.xta;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import jakarta.jws.WebParam;
import jakarta.jws.WebResult;
import jakarta.xml.ws.Holder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.logging.LogManager;

/**
 * Speaks XTA 2 with Apache CXF, built from the original WSDL, and tells what came of each call as one line of JSON.
 *
 * <p>Its argument is the URL of that WSDL. It reads calls from standard input, one JSON object per line: {@code hub} (its
 * address), {@code folder} (with ca.pem and a NAME.p12 for each partner), {@code partner}, {@code operation}, {@code mtom},
 * {@code checked} (the schemas judge what is sent and what comes), and {@code said}: the parts of the request by the names
 * of their elements. The operation {@code verify} checks the signature of {@code report} with {@code certificate}.
 */
final class Speaker {
    private static final Gson JSON = Plain.json();

    private final Ports ports;

    private Speaker(URL wsdl) {
        ports = new Ports(wsdl);
    }

    public static void main(String[] arguments) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Whatever a library prints must not be taken for an answer.
        System.setOut(System.err);
        // What is wrong is told with the answer.
        LogManager.getLogManager().reset();
        Speaker speaker = new Speaker(new URL(arguments[0]));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSON.toJson(speaker.told(JSON.fromJson(line, JsonObject.class))));
        }
        // The client's threads would go on.
        System.exit(0);
    }

    private JsonObject told(JsonObject call) {
        try {
            if (call.get("operation").getAsString().equals("verify")) {
                boolean good = Signatures.verify(
                    call.get("report").getAsString(), Path.of(call.get("certificate").getAsString()));
                return with("verified", good);
            }
            return answer(call);
        } catch (Exception unexpected) {
            return trouble(unexpected);
        }
    }

    private JsonObject answer(JsonObject call) throws Exception {
        String operation = call.get("operation").getAsString();
        Method method = Ports.method(operation);
        JsonObject said = call.getAsJsonObject("said");
        Parameter[] parameters = method.getParameters();
        Object[] values = new Object[parameters.length];
        for (int at = 0; at < values.length; at++) {
            values[at] = value(parameters[at], said);
        }
        Object port = ports.port(method.getDeclaringClass(), call);
        Wire wire = new Wire();
        Object result;
        try {
            result = wire.during(() -> method.invoke(port, values));
        } catch (InvocationTargetException failed) {
            JsonObject told = told(failed.getCause());
            told.add("wire", JSON.toJsonTree(wire));
            return told;
        }
        JsonObject told = with("answer", parts(method, values, result));
        told.add("wire", JSON.toJsonTree(wire));
        return told;
    }

    /** The parts of an answer by the names of their elements. */
    private static JsonObject parts(Method method, Object[] values, Object result) {
        JsonObject parts = new JsonObject();
        WebResult named = method.getAnnotation(WebResult.class);
        if (named != null) {
            parts.add(named.name(), JSON.toJsonTree(result));
        }
        for (int at = 0; at < values.length; at++) {
            if (values[at] instanceof Holder<?> holder) {
                parts.add(name(method.getParameters()[at]), JSON.toJsonTree(holder.value));
            }
        }
        return parts;
    }

    private static String name(Parameter parameter) {
        return parameter.getAnnotation(WebParam.class).name();
    }

    /** What is said for one part of a request; for a part of the answer too, a place where it will be. */
    private static Object value(Parameter parameter, JsonObject said) {
        Type type = parameter.getParameterizedType();
        if (type instanceof ParameterizedType holder) {
            return new Holder<>(JSON.fromJson(said.get(name(parameter)), holder.getActualTypeArguments()[0]));
        }
        return JSON.fromJson(said.get(name(parameter)), type);
    }

    private static JsonObject told(Throwable thrown) {
        return thrown instanceof RuntimeException ? trouble(thrown) : fault(thrown);
    }

    /** An exception of the WSDL: its class, and the code in its detail. */
    private static JsonObject fault(Throwable typed) {
        JsonObject told = with("exception", typed.getClass().getSimpleName());
        JsonObject detail = JSON.toJsonTree(Plain.faultInfo(typed)).getAsJsonObject();
        told.add("fault", detail.getAsJsonObject("errorCode").get("code"));
        told.addProperty("reason", typed.getMessage());
        return told;
    }

    /** Everything else: what is wrong, and what was wrong below. */
    private static JsonObject trouble(Throwable thrown) {
        StringBuilder chain = new StringBuilder();
        for (Throwable one = thrown; one != null; one = one.getCause()) {
            chain.append(one).append('\n');
        }
        return with("trouble", chain.toString());
    }

    private static JsonObject with(String key, Object value) {
        JsonObject told = new JsonObject();
        told.add(key, JSON.toJsonTree(value));
        return told;
    }
}

package rohrpost.xta;

import com.google.gson.FieldNamingStrategy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonDeserializer;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import jakarta.activation.DataHandler;
import jakarta.mail.util.ByteArrayDataSource;
import jakarta.xml.bind.JAXBElement;
import jakarta.xml.bind.annotation.XmlAttribute;
import jakarta.xml.bind.annotation.XmlElement;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.util.Base64;
import javax.xml.datatype.DatatypeConfigurationException;
import javax.xml.datatype.DatatypeFactory;
import javax.xml.datatype.XMLGregorianCalendar;
import javax.xml.namespace.QName;
import org.w3c.dom.Node;

/** Generated classes as JSON and back, by the names of their elements and attributes. */
final class Plain {
    private Plain() {}

    static Gson json() {
        return new GsonBuilder()
            .setFieldNamingStrategy(names())
            .registerTypeHierarchyAdapter(DataHandler.class, written(Plain::base64))
            .registerTypeAdapter(DataHandler.class, read(Plain::content))
            .registerTypeAdapter(byte[].class, written((byte[] value) -> Base64.getEncoder().encodeToString(value)))
            .registerTypeHierarchyAdapter(XMLGregorianCalendar.class, written(XMLGregorianCalendar::toXMLFormat))
            .registerTypeAdapter(XMLGregorianCalendar.class, read(Plain::time))
            .registerTypeAdapter(QName.class, written(QName::toString))
            .registerTypeHierarchyAdapter(Node.class, written(Node::getTextContent))
            .registerTypeAdapter(JAXBElement.class,
                (JsonSerializer<JAXBElement<?>>) (element, type, all) -> all.serialize(element.getValue()))
            .create();
    }

    private interface Writer<T> {
        String write(T value);
    }

    private interface Reader<T> {
        T read(String text);
    }

    private static <T> JsonSerializer<T> written(Writer<T> writer) {
        return (value, type, all) -> new JsonPrimitive(writer.write(value));
    }

    private static <T> JsonDeserializer<T> read(Reader<T> reader) {
        return (json, type, all) -> reader.read(json.getAsString());
    }

    private static FieldNamingStrategy names() {
        return field -> {
            XmlElement element = field.getAnnotation(XmlElement.class);
            if (element != null && !element.name().startsWith("#")) {
                return element.name();
            }
            XmlAttribute attribute = field.getAnnotation(XmlAttribute.class);
            return attribute != null && !attribute.name().startsWith("#") ? attribute.name() : field.getName();
        };
    }

    private static String base64(DataHandler value) {
        try (InputStream content = value.getInputStream()) {
            return Base64.getEncoder().encodeToString(content.readAllBytes());
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    private static DataHandler content(String base64) {
        byte[] bytes = Base64.getDecoder().decode(base64);
        return new DataHandler(new ByteArrayDataSource(bytes, "application/octet-stream"));
    }

    private static XMLGregorianCalendar time(String text) {
        try {
            return DatatypeFactory.newInstance().newXMLGregorianCalendar(text);
        } catch (DatatypeConfigurationException broken) {
            throw new IllegalStateException(broken);
        }
    }

    /** The detail of an exception of the WSDL, each of which has one. */
    static Object faultInfo(Throwable typed) {
        try {
            Field detail = typed.getClass().getDeclaredField("faultInfo");
            detail.setAccessible(true);
            return detail.get(typed);
        } catch (ReflectiveOperationException none) {
            throw new IllegalStateException(typed);
        }
    }
}
